use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split(' '))
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn flags_become_settings_and_a_wrong_setting_is_refused() {
    let Command::Serve(serve) =
        parse("anteroom serve --listen 127.0.0.1:1 --profile dev --kernel custom").unwrap().command
    else {
        panic!("not serve");
    };
    let expected = [("listen", "127.0.0.1:1"), ("image_profile", "dev"), ("image_kernel", "custom")];
    assert_eq!(serve.flags(), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let arguments = parse("anteroom config show --set vm.max=4 --set a=b=c").unwrap();
    assert_eq!(arguments.common.settings[1], ("a".to_owned(), "b=c".to_owned()));
    assert!(parse("anteroom config show --set vm.max").is_err());
}

#[test]
fn the_examples_of_the_help_are_command_lines() {
    let mut checked = 0;
    let mut commands = vec![Arguments::command()];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for example in help.lines().filter_map(|line| line.trim().strip_prefix("anteroom ")) {
            let words = example.split("   ").next().unwrap_or_default();
            parse(&format!("anteroom {}", words.trim())).unwrap_or_else(|error| panic!("{words}: {error}"));
            checked += 1;
        }
    }
    assert!(checked >= 6, "{checked} examples");
}
