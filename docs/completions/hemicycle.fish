# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hemicycle_global_optspecs
    string join \n h/help V/version
end

function __fish_hemicycle_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hemicycle_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hemicycle_using_subcommand
    set -l cmd (__fish_hemicycle_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hemicycle -n "__fish_hemicycle_needs_command" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "check" -d 'Check an institution file'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "replay" -d 'Find floods in captures, flow exports and access logs'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "learn" -d 'Learn what is ordinary from captures and flow exports'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "serve" -d 'Find floods as they come'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "demo" -d 'Play the bundled recorded day'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "generate" -d 'Write a document that describes this command line to standard output'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -l json -d 'Print JSON, one object a line: each problem, or the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l institution -d 'What is protected, and which exporters report it (TOML; see `hemicycle check`)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l baselines -d 'Judge by what was learnt and is kept in this folder (see `hemicycle learn`); nothing is written there' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l key-file -d 'Hash under the key of a service, which it keeps in this file, instead of the published one: events have the same `id` and figures as those that the service told' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l speed -d 'Play at this many times real time; `max` does not wait' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l flow-port -d 'Look for flow exports at this UDP port, instead of 2055, 4739, 6343, 9995 and 9996; can be repeated' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l log-format -d 'Read access logs in this format, where it is not recognised: a string as in nginx\'s log_format or Apache\'s LogFormat, `tsv` or `csv` with the names of the columns, or a name (see docs/replay.md)' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l show-addresses -d 'Show addresses of sources, which are personal data, instead of their networks; the purpose is written down in the output' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l json -d 'Print events as JSON, one object a line; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -s q -l quiet -d 'Print no timeline and no progress, only the tables at the end'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -l institution -d 'What is protected, and which exporters report it (TOML; see `hemicycle check`)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -l state -d 'Where what was learnt is kept: `state.folder` of a service; made if it is missing' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -l flow-port -d 'Look for flow exports at this UDP port, instead of 2055, 4739, 6343, 9995 and 9996; can be repeated' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -l json -d 'Print what was learnt as JSON, one target a line; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -s q -l quiet -d 'Show no progress'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand learn" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -l config -d 'What to listen on and what to protect (TOML; see docs/serve.md)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -l check -d 'Check the configuration and the institution file, and end'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -s q -l quiet -d 'Print no floods on standard error'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -l exit -d 'End after the play'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -l json -d 'Print events as JSON, one object a line; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man completions help" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man completions help" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man completions help" -f -a "man" -d 'A man page in roff: of the program, or of one command'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man completions help" -f -a "completions" -d 'Completions for a shell'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from man" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from completions" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "man" -d 'A man page in roff: of the program, or of one command'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "completions" -d 'Completions for a shell'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "check" -d 'Check an institution file'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "replay" -d 'Find floods in captures, flow exports and access logs'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "learn" -d 'Learn what is ordinary from captures and flow exports'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "serve" -d 'Find floods as they come'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "demo" -d 'Play the bundled recorded day'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "generate" -d 'Write a document that describes this command line to standard output'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check replay learn serve demo generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "man" -d 'A man page in roff: of the program, or of one command'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "completions" -d 'Completions for a shell'
