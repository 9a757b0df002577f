use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::*;
use crate::config::SETTINGS;
use crate::report::Report;

fn overlay(settings: &mut Settings, text: &str) -> Result<()> {
    settings.overlay(text, &mut Origins::default())
}

#[test]
fn a_file_overlays_the_defaults_and_an_unknown_key_lists_the_known_ones() {
    let mut settings = Settings::default();
    overlay(&mut settings, "temperature = 0.7\nstop = [\"END\"]\nmodel = \"x.gguf\"").unwrap();
    assert!((settings.sampling.temperature - 0.7).abs() < 1e-6);
    assert_eq!(settings.sampling.stop, ["END"]);
    let error = overlay(&mut settings, "endpoint = \"http://evil\"").unwrap_err();
    assert!(Report::new(&error).hint.unwrap().contains("temperature"));
}

#[test]
fn keys_are_one_chord_or_a_list_and_anything_else_is_refused_with_a_hint() {
    let mut settings = Settings::default();
    overlay(&mut settings, "top_k = 7\n[keys]\nnew = \"ctrl-t\"\nhelp = [\"f1\", \"f2\"]\nsuspend = []").unwrap();
    let own: Vec<(&str, &[String])> = settings.keys.iter().map(|(id, keys)| (id.as_str(), &keys[..])).collect();
    assert_eq!(own, [("help", &["f1".into(), "f2".into()][..]), ("new", &["ctrl-t".into()]), ("suspend", &[])]);
    for text in ["keys = \"ctrl-t\"", "[keys]\nnew = 3", "[keys]\nnew = [\"f1\", 3]", "[keys.new]\nkey = \"f1\""] {
        let report = Report::new(&overlay(&mut settings, text).unwrap_err());
        assert!(report.cause.contains("keys") && report.hint.unwrap().contains("ctrl-t"), "{text}");
    }
}

fn row(key: &str) -> &'static Setting {
    Setting::find(key).unwrap()
}

fn report(outcome: Result<()>) -> Report {
    Report::new(&outcome.unwrap_err())
}

const OWN: &str = "# mine\ntop_k = 7   # seven\n\n# the model\nmodel = \"x.gguf\"\n\n# keys below\n[keys]\nnew = \"ctrl-t\" # as before\n";

#[test]
fn a_changed_setting_keeps_its_place_its_comment_and_everything_else() {
    let text = edited(OWN, row("top_k"), Some("40")).unwrap();
    assert_eq!(text, OWN.replace("= 7 ", "= 40 "));
}

#[test]
fn a_new_setting_stands_below_the_others_and_above_the_keys() {
    let text = edited(OWN, row("temperature"), Some("0.7")).unwrap();
    assert_eq!(text, OWN.replace("x.gguf\"\n", "x.gguf\"\ntemperature = 0.7\n"));
    let alone = edited("[keys]\nnew = \"ctrl-t\"\n", row("theme"), Some("dark")).unwrap();
    assert!(alone.starts_with("theme = \"dark\"\n") && alone.ends_with("[keys]\nnew = \"ctrl-t\"\n"), "{alone}");
    let comments = edited("# nothing yet\n# temperature = 1", row("temperature"), Some("0.2")).unwrap();
    assert_eq!(comments, "# nothing yet\n# temperature = 1\ntemperature = 0.2\n");
}

#[test]
fn a_setting_that_goes_back_leaves_the_file_and_its_comments_stay() {
    let text = edited(OWN, row("top_k"), None).unwrap();
    assert_eq!(text, OWN.replace("top_k = 7   ", ""));
    let text = edited(OWN, row("model"), None).unwrap();
    assert_eq!(text, OWN.replace("model = \"x.gguf\"\n", ""));
    let last = edited("# a\ntop_k = 7 # b\n# c\n", row("top_k"), None).unwrap();
    assert_eq!(last, "# a\n# b\n# c\n");
    assert_eq!(edited(OWN, row("seed"), None).unwrap(), OWN, "what is not there");
}

#[test]
fn every_setting_reads_back_what_was_written_whatever_its_value() {
    let mut other = Settings::default();
    for (key, value) in
        [("temperature", "0.7"), ("seed", "18446744073709551615"), ("stop", "a\"b|\\n|#"), ("ascii", "true")]
    {
        other.set(key, value).unwrap();
    }
    for settings in [Settings::default(), other] {
        let mut text = String::from("# mine\n");
        for setting in SETTINGS {
            text = edited(&text, setting, Some(&setting.show(&settings))).unwrap();
        }
        let mut again = Settings::default();
        overlay(&mut again, &text).unwrap();
        assert_eq!(again, settings, "{text}");
        assert!(text.starts_with("# mine\n") && !text.contains("\"true\""), "{text}");
    }
}

#[test]
fn comments_inside_a_list_outlive_it() {
    let text = "# above\nstop = [\n  # one\n  \"a\", # first\n  \"b\" # second\n  # last\n] # behind\nascii = true\n";
    assert_eq!(
        edited(text, row("stop"), Some("c")).unwrap(),
        "# above\n# one\n# first\n# second\n# last\nstop = \"c\" # behind\nascii = true\n"
    );
    assert_eq!(
        edited(text, row("stop"), None).unwrap(),
        "# above\n# one\n# first\n# second\n# last\n# behind\nascii = true\n"
    );
}

#[test]
fn the_ends_of_lines_stay_as_they_are() {
    assert_eq!(edited("top_k = 7\r\n", row("ascii"), Some("true")).unwrap(), "top_k = 7\r\nascii = true\r\n");
}

#[test]
fn a_file_is_made_changed_and_keeps_its_permissions() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("tanya/config.toml");
    save(&path, row("temperature"), Some("0.7")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    save(&path, row("top_k"), Some("7")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "temperature = 0.7\ntop_k = 7\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    save(&path, row("temperature"), None).unwrap();
    let (settings, origins) = Settings::load(&path).unwrap();
    assert_eq!((settings.sampling.top_k, origins.of("top_k")), (7, Origin::File));
    assert_eq!(origins.of("temperature"), Origin::Default);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_file_with_something_unknown_or_broken_is_never_written() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("config.toml");
    for (text, cause) in [
        ("endpoint = \"x\"\n", "no setting is called \"endpoint\""),
        ("top_k = \n", "not valid TOML"),
        ("top_k = 7000\n", "top_k wants a number"),
        ("[keys]\nnew = 3\n", "new wants a key"),
    ] {
        fs::write(&path, text).unwrap();
        let report = report(save(&path, row("temperature"), Some("0.7")));
        assert!(report.cause.contains(cause) && report.cause.contains("config.toml: nothing is saved"), "{report}");
        assert!(report.hint.is_some(), "{report}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, b"top_k = 7 # \xff\n").unwrap();
    assert!(report(save(&path, row("temperature"), Some("0.7"))).cause.contains("cannot read"));
    assert_eq!(fs::read(&path).unwrap(), b"top_k = 7 # \xff\n");
}

#[test]
fn a_link_stays_a_link_and_one_to_nowhere_is_said() {
    let root = tempfile::tempdir().unwrap();
    let (path, real) = (root.path().join("config.toml"), root.path().join("dotfiles.toml"));
    symlink("dotfiles.toml", &path).unwrap();
    let gone = report(save(&path, row("top_k"), Some("7")));
    assert!(gone.cause.contains("a link to dotfiles.toml") && gone.hint.is_some(), "{gone}");
    assert!(!real.exists());
    fs::write(&real, "# dots\n").unwrap();
    save(&path, row("top_k"), Some("7")).unwrap();
    assert!(path.is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "# dots\ntop_k = 7\n");
}

#[test]
fn what_cannot_be_written_says_so_and_stays() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("config.toml");
    fs::write(&path, "top_k = 7\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let closed = report(save(&path, row("top_k"), Some("8")));
    assert!(closed.cause.ends_with("it is read-only") && closed.hint.unwrap().contains("chmod"), "{}", closed.cause);
    assert_eq!(fs::read_to_string(&path).unwrap(), "top_k = 7\n");
    let inside = report(save(&path.join("config.toml"), row("top_k"), Some("8")));
    assert!(inside.cause.contains("cannot make the folder"), "{inside}");
    let folder = report(save(root.path(), row("top_k"), Some("8")));
    assert!(folder.cause.contains("not a file"), "{folder}");
}

proptest! {
    #[test]
    fn an_edit_changes_no_line_but_its_own(
        lines in prop::collection::vec(prop::sample::select(vec![
            "", "# a comment", "  # indented", "top_k = 7 # seven", "stop = [\"a\", # first\n  \"b\"]", "model = 'x'",
            "profile = \"fast\"", "passages = 5", "[keys]", "new = \"f5\"", "help = [\"f1\"] # one", "temperature = 0.5", "ascii=true",
        ]), 0..12),
        ends in any::<bool>(),
        at in 0..SETTINGS.len(),
        goes in any::<bool>(),
    ) {
        let mut text = lines.join("\n");
        if ends {
            text.push('\n');
        }
        let setting = &SETTINGS[at];
        let value = setting.show(&Settings { ascii: true, ..Settings::default() });
        let Ok(edited) = edited(&text, setting, (!goes).then_some(value.as_str())) else {
            let read = overlay(&mut Settings::default(), &text);
            prop_assert!(read.is_err(), "only what cannot be read cannot be edited: {text:?}");
            return Ok(());
        };
        let own = |line: &&str| line.split(['=', ' ']).next() == Some(setting.key);
        let others = |text: &str| {
            let lines = text.lines().filter(|line| !own(line) && !line.trim().is_empty());
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let comments = |text: &str| text.matches('#').count();
        prop_assert_eq!(comments(&edited), comments(&text), "{}\n---\n{}", text, edited);
        if setting.key != "stop" {
            let (before, after) = (others(&text), others(&edited));
            prop_assert!(before.iter().all(|line| after.contains(line)), "{}\n---\n{}", text, edited);
        }
    }
}
