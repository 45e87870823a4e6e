use anteroom::{config::*, doctor};
#[tokio::main]
async fn main() {
    let env: Environment = std::env::vars().collect();
    let flags: Vec<(String,String)> = vec![];
    let config = Config::load(&Layers::gather(&env, None, &flags).unwrap()).unwrap();
    let t = std::time::Instant::now();
    let report = doctor::examine(&config).await;
    println!("{report}\n{:?}", t.elapsed());
    if std::env::args().nth(1).as_deref() == Some("json") { println!("{}", serde_json::to_string_pretty(&report).unwrap()); }
    let actions = doctor::fix::actions(&report);
    for a in &actions { println!("would: {a}"); }
    if std::env::args().nth(1).as_deref() == Some("fix") {
        println!("{:?}", doctor::fix(&actions, &mut |c| println!("+ {c}")).await.map_err(|e| e.to_string()));
    }
}
