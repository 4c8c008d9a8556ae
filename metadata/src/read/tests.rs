//! What files are, and that unreadable ones are issues.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_file_is_what_its_name_and_folder_say() {
    let root = Path::new("/p");
    for (path, expected) in [
        ("/p/account.object.yml", Role::Object("account".into())),
        ("/p/a/b/account.object.json", Role::Object("account".into())),
        ("/p/account.object.yaml", Role::Object("account".into())),
        ("/p/i18n/zh-CN.yml", Role::Texts("zh-CN".into())),
        ("/p/account/i18n/de.yml", Role::Unknown),
        ("/p/account.trigger.yml", Role::Rules(RuleKind::Trigger, "account".into())),
        ("/p/account.hook.yml", Role::Later),
        ("/p/import.yml", Role::Other),
        ("/p/deals.import.yml", Role::Other),
        ("/p/.object.yml", Role::Unknown),
        ("/p/account.yml", Role::Unknown),
        ("/p/README.md", Role::Other),
        ("/p/account.object.yml.bak", Role::Other),
    ] {
        assert_eq!(role(root, Path::new(path)), expected, "{path}");
    }
}

fn issues_of(write: impl FnOnce(&Path)) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("package.yml"), "name: p\nversion: 1.0.0\n").unwrap();
    write(folder.path());
    let mut issues = Issues::default();
    read_packages(&[folder.path().to_owned()], &mut issues);
    issues.0.into_iter().map(|issue| (issue.code, file_name(&issue.place.file))).collect()
}

#[test]
fn what_can_not_be_read_is_an_issue() {
    let large = issues_of(|folder| {
        let size = usize::try_from(FILE_BYTES_MAX).unwrap() + 1;
        fs::write(folder.join("a.object.yml"), vec![b'#'; size]).unwrap();
    });
    assert_eq!(large, [("too-large", "a.object.yml".to_owned())]);
    let binary = issues_of(|folder| fs::write(folder.join("a.object.yml"), [0xff, 0xfe]).unwrap());
    assert_eq!(binary, [("unreadable", "a.object.yml".to_owned())]);
    let deep = issues_of(|folder| fs::create_dir_all(folder.join("a/b/c/d/e/f/g/h/i")).unwrap());
    assert_eq!(deep, [("too-deep", "i".to_owned())]);
}

#[test]
fn folders_without_packages_are_issues() {
    let mut issues = Issues::default();
    let empty = tempfile::tempdir().unwrap();
    read_packages(&[empty.path().to_owned(), empty.path().join("nowhere")], &mut issues);
    let codes: Vec<_> = issues.0.iter().map(|issue| issue.code).collect();
    assert_eq!(codes, ["no-package", "unreadable"]);
}
