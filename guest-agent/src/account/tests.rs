use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\ndesktop:x:1000:1001::/home/desktop:/bin/bash\n";
const GROUP: &str = "root:x:0:\naudio:x:29:desktop\nvideo:x:44:other,desktop\nplugdev:x:46:desktopper\n";

#[test]
fn a_user_is_found_with_its_groups() {
    let account = Account::find("desktop", PASSWD, GROUP).unwrap();
    assert_eq!((account.uid.as_raw(), account.gid.as_raw()), (1000, 1001));
    assert_eq!(account.groups, [Gid::from_raw(29), Gid::from_raw(44)]);
    assert_eq!(account.home, PathBuf::from("/home/desktop"));
}

#[test]
fn a_user_that_is_missing_or_damaged_is_not_found() {
    assert_eq!(Account::find("desk", PASSWD, GROUP), None);
    assert_eq!(Account::find("broken", PASSWD, GROUP), None);
}

#[test]
fn every_user_has_its_name() {
    let names = names_in(PASSWD);
    assert_eq!((names.len(), names[&0].as_str(), names[&1000].as_str()), (2, "root", "desktop"));
}
