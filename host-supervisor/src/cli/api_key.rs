//! `anteroom api-key`: keys that call the API.

use serde_json::{Value, json};

use super::{
    args::ApiKeyCommand,
    client::Client,
    exit::{Exit, Problem},
    show,
};

pub(super) async fn run(command: &ApiKeyCommand, client: &Client) -> Result<Exit, Problem> {
    match command {
        ApiKeyCommand::Create { name, scopes, expires, json } => {
            let seconds = expires.map(|expires| expires.as_secs());
            let wanted = json!({ "name": name, "scopes": scopes, "expiresIn": seconds });
            created(&client.post("/api/admin/keys", &wanted).await?, *json)?;
        }
        ApiKeyCommand::Ls { json } => list(&client.get("/api/admin/keys").await?["keys"], *json)?,
        ApiKeyCommand::Revoke { ids } => {
            for id in ids {
                let keys = client.get("/api/admin/keys").await?["keys"].take();
                let id = show::unique(&keys, "id", id, "key")?;
                client.delete(&format!("/api/admin/keys/{id}")).await?;
                show::line(format_args!("key {id} does not count any more"));
            }
        }
    }
    Ok(Exit::Ok)
}

fn created(made: &Value, json: bool) -> Result<(), Problem> {
    if json {
        return show::json(made);
    }
    let key = &made["key"];
    show::line(show::text(made, "text"));
    eprintln!("key {} for {}: {}", show::text(key, "id"), show::text(key, "name"), scopes(key));
    eprintln!(
        "Nobody can see it again; lost, it is revoked with `anteroom api-key revoke {}`.",
        show::text(key, "id")
    );
    Ok(())
}

fn list(keys: &Value, json: bool) -> Result<(), Problem> {
    if json {
        return show::json(keys);
    }
    let mut table = show::table(&["ID", "NAME", "SCOPES", "CREATED", "LAST USED", "STATE"]);
    for key in keys.as_array().into_iter().flatten() {
        let state = if key["revokedAt"].is_string() {
            format!("revoked {}", show::ago(key, "revokedAt"))
        } else if key["expiresAt"].is_string() {
            show::until(key, "expiresAt")
        } else {
            "counts".to_owned()
        };
        table.add_row([
            show::text(key, "id"),
            show::text(key, "name"),
            scopes(key),
            show::ago(key, "createdAt"),
            if key["lastUsedAt"].is_string() { show::ago(key, "lastUsedAt") } else { "never".to_owned() },
            state,
        ]);
    }
    show::line(table);
    Ok(())
}

fn scopes(key: &Value) -> String {
    let scopes = key["scopes"].as_array().into_iter().flatten();
    scopes.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}
