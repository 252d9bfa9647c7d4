//! `longhaul keys list`: shows which keys there are.

use super::{Keys, ShownKey};

pub(super) async fn run(keys: &Keys<'_>) -> anyhow::Result<String> {
    Ok(table(&keys.list().await?))
}

fn table(keys: &[ShownKey]) -> String {
    let width = keys.iter().map(|key| key.scope.len()).max().unwrap_or(0).max(5);
    let name_width = keys.iter().map(|key| key.name.len()).max().unwrap_or(0).max(4);
    let line = |scope: &str, name: &str, created: &str| format!("{scope:width$}  {name:name_width$}  {created}\n");
    let lines = keys.iter().map(|key| line(&key.scope, &key.name, key.created_time.as_deref().unwrap_or("-")));
    line("SCOPE", "NAME", "CREATED") + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_by_scope_name_and_age_and_never_themselves() {
        let key = ShownKey { scope: "function:start".into(), name: "ci".into(), created_time: None, key: Some("secret".into()) };
        assert_eq!(table(&[key]), "SCOPE           NAME  CREATED\nfunction:start  ci    -\n");
    }
}
