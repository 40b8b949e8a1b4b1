//! `[oidc]`: by whose word people may sign in, beside local accounts.

use std::path::{Path, PathBuf};

use console::people::Role;
use console::{Provider, Rule};
use institution::Choice;
use institution::reader::{Reader, Table, shortened};

use super::{schema, section};

/// Rules from groups to roles.
const MAXIMUM_RULES: usize = 256;
/// Scopes that are asked for.
const MAXIMUM_SCOPES: usize = 32;
/// Where browsers come back to, behind the address of the console.
const CALLBACK: &str = "/signin/oidc/callback";

const ROLES: &[Choice<Role>] = &[
    Choice { word: "viewer", doc: "Looks.", value: Role::Viewer },
    Choice { word: "analyst", doc: "Also writes notes and reads the ledger.", value: Role::Analyst },
    Choice { word: "operator", doc: "Also acts on floods.", value: Role::Operator },
    Choice { word: "administrator", doc: "Also manages people.", value: Role::Administrator },
    Choice { word: "data_protection", doc: "Sees what is kept and who looked.", value: Role::DataProtection },
];

/// The provider, and the file of the secret that is still to be read.
#[derive(Clone, Debug)]
pub(crate) struct SingleSignOn {
    pub(crate) provider: Provider,
    pub(crate) secret_file: Option<PathBuf>,
}

/// `[oidc]`, if there is one; it needs a console with an address.
pub(super) fn read(
    reader: &mut Reader,
    top: Table<'_, '_>,
    folder: &Path,
    url: Option<&str>,
) -> Option<SingleSignOn> {
    let value = top.get("oidc")?;
    let table = section(reader, top, "oidc", &schema::OIDC)?;
    let Some(url) = url else {
        reader.error(
            value.span(),
            "a sign-in by a provider comes back to the console: say its `url` in [console]",
        );
        return None;
    };
    let mut text = |name: &str| reader.optional_text(table.get(name));
    let (issuer, client_id) = (text("issuer").unwrap_or_default(), text("client_id").unwrap_or_default());
    let (secret_file, ca_file) = (text("client_secret_file"), text("ca_file"));
    let name_claim = text("name_claim").unwrap_or_else(|| "preferred_username".to_owned());
    let groups_claim = text("groups_claim").unwrap_or_else(|| "groups".to_owned());
    let title = text("title").unwrap_or_else(|| "the house's account".to_owned());
    let scopes = match table.get("scopes") {
        Some(value) => texts(reader, value),
        None => ["profile", "groups"].map(str::to_owned).to_vec(),
    };
    let provider = Provider {
        issuer,
        client_id,
        client_secret: None,
        redirect: format!("{}{CALLBACK}", url.trim_end_matches('/')),
        scopes,
        name_claim,
        groups_claim,
        rules: rules(reader, table),
        ca: ca_file.map(|file| folder.join(file)),
        title,
    };
    if provider.rules.is_empty() {
        reader.error(value.span(), "without an [[oidc.role]] nobody has a role: nobody could sign in by it");
    }
    Some(SingleSignOn { provider, secret_file: secret_file.map(|file| folder.join(file)) })
}

fn texts(reader: &mut Reader, value: &institution::reader::Value<'_>) -> Vec<String> {
    let values = reader.list(Some(value));
    if let Some(value) = values.get(MAXIMUM_SCOPES) {
        reader.error(value.span(), format!("at most {MAXIMUM_SCOPES} scopes can be asked for"));
    }
    values.iter().take(MAXIMUM_SCOPES).filter_map(|value| reader.text(value)).map(|text| text.value).collect()
}

fn rules(reader: &mut Reader, table: Table<'_, '_>) -> Vec<Rule> {
    let values = reader.list(table.get("role"));
    if let Some(value) = values.get(MAXIMUM_RULES) {
        reader.error(value.span(), format!("at most {MAXIMUM_RULES} rules can be declared"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for value in values.iter().take(MAXIMUM_RULES) {
        let Some(table) = reader.table(value, &value.span(), &schema::OIDC_ROLE) else { continue };
        let group = reader.optional_text(table.get("group"));
        let role = reader.choice(table.get("role"), ROLES);
        let organisation = reader.optional_text(table.get("organisation"));
        let (Some(group), Some(role)) = (group, role) else { continue };
        if rules.iter().any(|rule| rule.group == group) {
            reader.error(value.span(), format!("the group `{}` has a role already", shortened(&group)));
        }
        rules.push(Rule { group, role, organisation });
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// What is wrong with a provider of whom these scopes are asked for.
    fn problems(scopes: usize) -> Option<String> {
        let scopes: Vec<String> = (0..scopes).map(|number| format!("\"s{number}\"")).collect();
        let text = format!(
            "institution = \"i.toml\"\n[state]\nfolder = \"state\"\n[console]\nlisten = [\"127.0.0.1:0\"]\n\
            url = \"https://console.example\"\n[oidc]\nissuer = \"https://sign.example\"\nclient_id = \"c\"\n\
            scopes = [{}]\n[[oidc.role]]\ngroup = \"g\"\nrole = \"viewer\"\n",
            scopes.join(", ")
        );
        parse("t", &text, Path::new("/etc")).err().map(|problems| problems.render(false))
    }

    #[test]
    fn more_scopes_than_can_be_asked_for_are_refused_and_not_cut() {
        assert_eq!(problems(MAXIMUM_SCOPES), None);
        let said = problems(MAXIMUM_SCOPES + 1).expect("one too many");
        assert!(said.contains("at most 32 scopes can be asked for"), "{said}");
    }
}
