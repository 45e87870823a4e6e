//! `anteroom webhook`: whether the receiver takes what it is sent, and what was delivered.

use serde_json::json;

use super::{
    args::WebhookCommand,
    client::Client,
    exit::{Exit, Problem},
    show,
};

pub(super) async fn run(command: &WebhookCommand, client: &Client) -> Result<Exit, Problem> {
    match command {
        WebhookCommand::Test { json } => test(*json, client).await,
        WebhookCommand::Ls { json } => list(*json, client).await,
    }
}

async fn test(json: bool, client: &Client) -> Result<Exit, Problem> {
    let tested = client.post("/api/webhook/test", &json!({})).await?;
    if json {
        show::json(&tested)?;
    } else {
        show::line(format_args!("event    {}", show::text(&tested, "id")));
        show::line(format_args!("answer   {}", show::text(&tested, "answer")));
        let said = show::text(&tested, "body");
        if !said.is_empty() {
            show::line(format_args!("         {said}"));
        }
    }
    Ok(if tested["success"] == true { Exit::Ok } else { Exit::Failed })
}

async fn list(json: bool, client: &Client) -> Result<Exit, Problem> {
    let deliveries = client.get("/api/webhook/deliveries").await?["deliveries"].take();
    if json {
        show::json(&deliveries)?;
        return Ok(Exit::Ok);
    }
    let mut table =
        show::table(&["EVENT", "TYPE", "SESSION", "HAPPENED", "STATUS", "TRIES", "NEXT TRY", "ANSWER"]);
    for delivery in deliveries.as_array().into_iter().flatten() {
        table.add_row([
            show::text(delivery, "id"),
            show::text(delivery, "event"),
            show::text(delivery, "sessionId"),
            show::ago(delivery, "createdAt"),
            show::text(delivery, "status"),
            delivery["attempts"].to_string(),
            show::text(delivery, "nextTryAt"),
            show::clipped(&show::text(delivery, "lastAnswer")),
        ]);
    }
    show::align_right(&mut table, 5);
    show::line(table);
    Ok(Exit::Ok)
}
