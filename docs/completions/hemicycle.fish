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
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "expose" -d 'Show single points of failure, and what a flood outside takes down inside'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "import" -d 'Propose lines of an institution file from what other tools know'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "replay" -d 'Find floods in captures, flow exports and access logs'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "learn" -d 'Learn what is ordinary from captures and flow exports'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "serve" -d 'Find floods as they come'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "doctor" -d 'Look whether this machine is fit for the service'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "user" -d 'Let people back into the console'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "notify" -d 'Test whether people and tools can be told'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "ledger" -d 'Check, export, copy and erase from the record of a service'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "foresee" -d 'Say how likely it is to be a target, whether we are on a list, and how good that was so far'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "demo" -d 'Play the bundled recorded day'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "generate" -d 'Write a document that describes this command line to standard output'
complete -c hemicycle -n "__fish_hemicycle_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -l json -d 'Print JSON, one object a line: each problem, or the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand check" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l html -d 'Write a report with the picture, to be opened in a browser and printed' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l flows -d 'Compare with what was seen: captures and flow exports, as for `replay`; can be repeated' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l flow-port -d 'Look for flow exports at this UDP port, instead of 2055, 4739, 6343, 9995 and 9996; can be repeated' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l against -d 'Show only what is different from this earlier version of the file' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l what-if -d 'Show only what a change would make different: `second:NAME`, `split:NAME:SERVICE,...`, `apart:NAME:CAUSE`, `capacity:NAME:UNIT=NUMBER`, `need:NAME:ELEMENT`; can be repeated' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -l json -d 'Print JSON, one object a line: each cut set, coupling, capacity, rule and fix; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand expose" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand import" -l name -d 'Print a whole file for an institution of this name, not only lines to be added to one' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand import" -l json -d 'Print JSON, one proposed table a line; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand import" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l institution -d 'What is protected, and which exporters report it (TOML; see `hemicycle check`)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l baselines -d 'Judge by what was learnt and is kept in this folder (see `hemicycle learn`); nothing is written there' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand replay" -l readiness -d 'Ask for less, as in a window of the calendar (`watch`, three quarters of the floors) or while something of ours is on a list of targets (`ready`, half of them): see docs/foresee.md' -r -f -a "watch\t'Something makes a flood likelier than usual'
ready\t'Something of ours is on a list'"
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
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -l print-config -d 'Print a configuration to begin with, every key explained, and end'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -l check -d 'Check the configuration and the institution file, and end'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -s q -l quiet -d 'Print no floods on standard error'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand serve" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand doctor" -l config -d 'The configuration of the service (TOML; see docs/serve.md)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand doctor" -l json -d 'Print JSON, one finding a line; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and not __fish_seen_subcommand_from link help" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and not __fish_seen_subcommand_from link help" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and not __fish_seen_subcommand_from link help" -f -a "link" -d 'Make a one-time link with which somebody who has an account sets password and second factor anew'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and not __fish_seen_subcommand_from link help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and __fish_seen_subcommand_from link" -l config -d 'The configuration of the service (TOML; see docs/serve.md)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and __fish_seen_subcommand_from link" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and __fish_seen_subcommand_from link" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and __fish_seen_subcommand_from link" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "link" -d 'Make a one-time link with which somebody who has an account sets password and second factor anew'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and not __fish_seen_subcommand_from test help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and not __fish_seen_subcommand_from test help" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and not __fish_seen_subcommand_from test help" -f -a "test" -d 'Send a message that says that it is a test; exits with 1 if it did not get through'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and not __fish_seen_subcommand_from test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from test" -l config -d 'The configuration of the service (TOML; see docs/serve.md)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from test" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from test" -l json -d 'Print JSON'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from help" -f -a "test" -d 'Send a message that says that it is a test; exits with 1 if it did not get through'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand notify; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "verify" -d 'Check that nothing was changed, removed, put in or moved; exits with 1 if something was'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "export" -d 'Write the whole ledger as JSON, one entry a line, and the head as the last; addresses of persons are codes'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "backup" -d 'Copy the record, while it is written too, into a new folder, and check the copy'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "restore" -d 'Check a copy and put it where there is no record'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "held-about" -d 'Tell what is held about a person\'s address; that this was asked for is written into the ledger'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "erase" -d 'Erase a person\'s address; the chain is not touched, and what it holds instead leads nowhere any more'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and not __fish_seen_subcommand_from verify export backup restore held-about erase help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l head -d 'A head that was written down earlier, NUMBER:HASH' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l key-file -d 'The key file of the service: seals are checked too' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l whole -d 'Look for damage in the whole file, figures and floods too; it may have a hundred times as much of them'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l json -d 'Print JSON, one object a line'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from export" -l show-addresses -d 'Open the codes of persons\' addresses, for this purpose, which is written into the ledger' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from export" -l by -d 'Who asks, as written into the ledger' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from export" -l key-file -d 'The key file of the service: seals are checked too' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from backup" -l key-file -d 'The key file of the service: seals are checked too' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from backup" -l json -d 'Print JSON'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from backup" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from backup" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from restore" -l key-file -d 'The key file of the service: seals are checked too' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from restore" -l json -d 'Print JSON'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from restore" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from held-about" -l purpose -d 'What for, as written into the ledger' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from held-about" -l by -d 'Who asks, as written into the ledger' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from held-about" -l key-file -d 'The key file of the service' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from held-about" -l json -d 'Print JSON'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from held-about" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from held-about" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from erase" -l purpose -d 'What for, as written into the ledger' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from erase" -l by -d 'Who asks, as written into the ledger' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from erase" -l key-file -d 'The key file of the service' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from erase" -l json -d 'Print JSON'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from erase" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from erase" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check that nothing was changed, removed, put in or moved; exits with 1 if something was'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write the whole ledger as JSON, one entry a line, and the head as the last; addresses of persons are codes'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "backup" -d 'Copy the record, while it is written too, into a new folder, and check the copy'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Check a copy and put it where there is no record'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "held-about" -d 'Tell what is held about a person\'s address; that this was asked for is written into the ledger'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "erase" -d 'Erase a person\'s address; the chain is not touched, and what it holds instead leads nowhere any more'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "outlook" -d 'Tell the outlook of a moment'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "backtest" -d 'Forecast every day of the past with what was known on its morning, and grade it'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "import" -d 'Take up lists, claims, calendars and indicators'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "scorecard" -d 'Grade the forecasts that were issued'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "calendar" -d 'Show what is coming, and what to prepare'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "intel" -d 'Fetch, match and give on indicators and profiles'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and not __fish_seen_subcommand_from outlook backtest import scorecard calendar intel help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l data -d 'The folder of lists and events' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l store -d 'The store of what was imported and issued' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l institution -d 'What is ours (TOML; see `hemicycle check`)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l place -d 'The country\'s two letters, or `eu`; default: the institution\'s country' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l house -d 'What kind of house it is; default: what the institution file says' -r -f -a "parliament\t'A parliament'
other\t'Anything else'"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l at -l date -d 'The moment: a date, or a date and a time (of the institution\'s zone unless it says one); default: now' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l list -d 'A list of targets, and when it was seen: FILE@TIME; can be repeated' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l claims -d 'Claims of actors (CSV: date, actor, country, target); can be repeated' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l incidents -d 'Own incidents and drills (CSV: date, kind, degraded, note)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l analyst -d 'What the analyst thinks of the next three days, in percent: kept and graded beside the model' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l issue -d 'Keep the numbers in the store, to be graded later'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -l json -d 'Print JSON, one object a line'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from outlook" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -l data -d 'The folder of lists and events' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -l from -d 'The first day that is graded; default: a year after the first list' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -l any -d 'Count any host of a country, not only those of public institutions'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -l json -d 'Print JSON, one object a line'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from backtest" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l store -d 'Where to keep it; made if it is missing' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l time -d 'When a list, a calendar or an undated indicator was seen; default: now' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l actor -d 'Whose list it is' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l scope -d 'Whom a calendar is about: a country\'s two letters, `eu` or `own`' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l unmarked -d 'How what carries no marking may be given on' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l institution -d 'Look whether anything of this institution is on the lists' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -l json -d 'Print JSON, one object a line'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l data -d 'The folder of lists and events' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l store -d 'The store of what was imported and issued' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l institution -d 'What is ours (TOML; see `hemicycle check`)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l place -d 'The country\'s two letters, or `eu`; default: the institution\'s country' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l house -d 'What kind of house it is; default: what the institution file says' -r -f -a "parliament\t'A parliament'
other\t'Anything else'"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -l json -d 'Print JSON, one object a line'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from scorecard" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l data -d 'The folder of lists and events' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l store -d 'The store of what was imported and issued' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l institution -d 'What is ours (TOML; see `hemicycle check`)' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l place -d 'The country\'s two letters, or `eu`; default: the institution\'s country' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l house -d 'What kind of house it is; default: what the institution file says' -r -f -a "parliament\t'A parliament'
other\t'Anything else'"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l at -l date -d 'From this day on; default: today' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l days -d 'So many days' -r
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l scenarios -d 'Scenarios of elections (JSON in the form of the MISP galaxy): what to prepare where an election is near' -r -F
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -l json -d 'Print JSON, one object a line'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from calendar" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "export" -d 'Write what an audience may see, and say how much was withheld'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "match" -d 'Look for indicators in lines of text: addresses, names and URLs, separated by spaces or commas'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "fetch" -d 'Get what is new in a collection of a TAXII 2.1 server'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "feed" -d 'Take up what is new in a MISP feed: a folder, or an address, with a manifest.json and its events'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "write-feed" -d 'Write a MISP feed of what an audience may see: a manifest and an event for each marking'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "profiles" -d 'Show adversaries, each statement with source and date'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from intel" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "outlook" -d 'Tell the outlook of a moment'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "backtest" -d 'Forecast every day of the past with what was known on its morning, and grade it'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take up lists, claims, calendars and indicators'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "scorecard" -d 'Grade the forecasts that were issued'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "calendar" -d 'Show what is coming, and what to prepare'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "intel" -d 'Fetch, match and give on indicators and profiles'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand foresee; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -l exit -d 'End after the play'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -l json -d 'Print events as JSON, one object a line; the last line is the summary'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand demo" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man configuration completions help" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man configuration completions help" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man configuration completions help" -f -a "man" -d 'A man page in roff: of the program, or of one command'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man configuration completions help" -f -a "configuration" -d 'The reference of the service\'s configuration, in Markdown'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man configuration completions help" -f -a "completions" -d 'Completions for a shell'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and not __fish_seen_subcommand_from man configuration completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from man" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from configuration" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from configuration" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from completions" -s V -l version -d 'Print version'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "man" -d 'A man page in roff: of the program, or of one command'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "configuration" -d 'The reference of the service\'s configuration, in Markdown'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "completions" -d 'Completions for a shell'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "check" -d 'Check an institution file'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "expose" -d 'Show single points of failure, and what a flood outside takes down inside'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "import" -d 'Propose lines of an institution file from what other tools know'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "replay" -d 'Find floods in captures, flow exports and access logs'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "learn" -d 'Learn what is ordinary from captures and flow exports'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "serve" -d 'Find floods as they come'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "doctor" -d 'Look whether this machine is fit for the service'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "user" -d 'Let people back into the console'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "notify" -d 'Test whether people and tools can be told'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "ledger" -d 'Check, export, copy and erase from the record of a service'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "foresee" -d 'Say how likely it is to be a target, whether we are on a list, and how good that was so far'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "demo" -d 'Play the bundled recorded day'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "generate" -d 'Write a document that describes this command line to standard output'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and not __fish_seen_subcommand_from check expose import replay learn serve doctor user notify ledger foresee demo generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "link" -d 'Make a one-time link with which somebody who has an account sets password and second factor anew'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from notify" -f -a "test" -d 'Send a message that says that it is a test; exits with 1 if it did not get through'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "verify" -d 'Check that nothing was changed, removed, put in or moved; exits with 1 if something was'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "export" -d 'Write the whole ledger as JSON, one entry a line, and the head as the last; addresses of persons are codes'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "backup" -d 'Copy the record, while it is written too, into a new folder, and check the copy'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "restore" -d 'Check a copy and put it where there is no record'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "held-about" -d 'Tell what is held about a person\'s address; that this was asked for is written into the ledger'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "erase" -d 'Erase a person\'s address; the chain is not touched, and what it holds instead leads nowhere any more'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from foresee" -f -a "outlook" -d 'Tell the outlook of a moment'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from foresee" -f -a "backtest" -d 'Forecast every day of the past with what was known on its morning, and grade it'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from foresee" -f -a "import" -d 'Take up lists, claims, calendars and indicators'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from foresee" -f -a "scorecard" -d 'Grade the forecasts that were issued'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from foresee" -f -a "calendar" -d 'Show what is coming, and what to prepare'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from foresee" -f -a "intel" -d 'Fetch, match and give on indicators and profiles'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "man" -d 'A man page in roff: of the program, or of one command'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "configuration" -d 'The reference of the service\'s configuration, in Markdown'
complete -c hemicycle -n "__fish_hemicycle_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "completions" -d 'Completions for a shell'
