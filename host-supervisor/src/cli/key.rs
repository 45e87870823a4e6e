//! `anteroom key`: which master keys there are, and another one. Works on the state directory, without a daemon.

use serde_json::json;

use super::{
    args::KeyCommand,
    exit::{Exit, Problem},
    serve::forbid_core_files,
    show::{self, Progress},
};
use crate::{
    config::{Config, Environment},
    daemon::rotation::{self, KeyRole, Retires, Rotated, Rotation, RotationError},
    failure::causes,
    vault::{KeyTexts, MasterKey},
};

pub(super) async fn run(
    command: &KeyCommand,
    config: &Config,
    environment: &Environment,
) -> Result<Exit, Problem> {
    forbid_core_files(config)?;
    let texts = KeyTexts::of(environment);
    match command {
        KeyCommand::Show { json } => list(*json, config, texts).await?,
        KeyCommand::Rotate { json } => rotate(*json, config, texts).await?,
    }
    Ok(Exit::Ok)
}

async fn list(json: bool, config: &Config, texts: KeyTexts<'_>) -> Result<(), Problem> {
    let uses = rotation::keys_in_use(&config.state_dir, texts).await?;
    if json {
        return show::json(&uses);
    }
    let mut table = show::table(&["KEY", "ROLE", "CREDENTIALS"]);
    for key in uses {
        let role = match key.role {
            KeyRole::Present => "seals",
            KeyRole::Next => "the next one: a rotation is not finished, `anteroom key rotate` does it",
            KeyRole::Missing => "is not here: what it seals cannot be read",
        };
        table.add_row([key.key_id, role.to_owned(), key.credentials.to_string()]);
    }
    show::align_right(&mut table, 2);
    show::line(table);
    Ok(())
}

async fn rotate(json: bool, config: &Config, texts: KeyTexts<'_>) -> Result<(), Problem> {
    let rotation = Rotation::begin(&config.state_dir, texts).await?;
    let mut progress = Progress::new();
    progress.say("sealing with the new key");
    let tell = |done: u64| progress.detail("sealing with the new key", &format!("{done} done"));
    let resealed = rotation.reseal(tell).await?;
    let rotated = rotation.retire(resealed).await?;
    drop(progress);
    if json {
        let Rotated { from, to, resealed, .. } = rotated;
        return show::json(&json!({ "from": from, "to": to, "resealed": resealed }));
    }
    print(&rotated);
    Ok(())
}

fn print(rotated: &Rotated) {
    show::line(format_args!("old key      {}", rotated.from));
    show::line(format_args!("new key      {}", rotated.to));
    show::line(format_args!("re-sealed    {}", rotated.resealed));
    match rotated.retires {
        Retires::File => show::line(
            "\nThe old key is gone. Copies of the database that were made before need it; whoever has looked at a page\n\
             logs in again.",
        ),
        Retires::Operator => show::line(format_args!(
            "\nNow move the new key from {} to {}, then start the daemon.",
            MasterKey::NEXT_VARIABLE,
            MasterKey::VARIABLE
        )),
    }
}

impl From<RotationError> for Problem {
    fn from(error: RotationError) -> Self {
        let exit = match &error {
            RotationError::KeyOfEnvironment | RotationError::SameKey => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, causes(&error))
    }
}
