//! Settings, changed and saved by the program itself.

use crate::{Pty, common, program};

#[test]
fn a_setting_is_saved_with_the_comments_of_its_file_and_holds_at_the_next_start() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "On March 9 I pruned the pear tree.\n").expect("a file");
    // Without models their loader would have something to say meanwhile.
    std::fs::create_dir_all(root.path().join("data/tanya")).expect("a folder");
    std::os::unix::fs::symlink(common::models(), root.path().join("data/tanya/models")).expect("a link");
    let config = root.path().join("config/tanya/config.toml");
    std::fs::create_dir_all(config.parent().expect("it lies in a folder")).expect("a folder");
    std::fs::write(&config, "# mine\ntop_k = 7 # seven\n\n[keys]\nnew = \"ctrl-t\"\n").expect("a file");
    let mut pty = Pty::start(program(root.path(), &folder), 110, 30);
    pty.wait_for("1 passage");
    pty.press("\x13");
    pty.wait_for("find: _");
    pty.press("temperature");
    pty.wait_for("always takes the likeliest");
    pty.press("\r");
    pty.wait_for("value: 0_");
    pty.press("\x15");
    pty.wait_for("value: _");
    pty.press("9\r");
    pty.wait_for("wants a number from 0 to 5");
    pty.press("\x150.3\r");
    pty.wait_for("temperature = 0.3 · from the file");
    let saved = "# mine\ntop_k = 7 # seven\ntemperature = 0.3\n\n[keys]\nnew = \"ctrl-t\"\n";
    assert_eq!(std::fs::read_to_string(&config).expect("the file is there"), saved);

    // One at a time: two escapes that arrive together are another key.
    pty.press("\x1b");
    pty.wait_for("top_p");
    pty.press("top_k");
    pty.wait_for("find: top_k_");
    pty.press("\x18");
    pty.wait_for("top_k = 0 · the default");
    let reset = saved.replace("top_k = 7 # seven", "# seven");
    assert_eq!(std::fs::read_to_string(&config).expect("the file is there"), reset);

    // Something else came into the file meanwhile: it stays as it is, and nothing is saved.
    let foreign = [&reset[..], "\n[new.table]\nx = 1\n"].concat();
    std::fs::write(&config, &foreign).expect("a file");
    pty.press("\r");
    pty.wait_for("value: 0_");
    pty.press("\r");
    pty.wait_for("nothing is saved");
    assert_eq!(std::fs::read_to_string(&config).expect("the file is there"), foreign);
    std::fs::write(&config, &reset).expect("a file");
    pty.press("\x1b");
    pty.wait_for("top_p");
    pty.press("\x1b");
    pty.wait_for("ask your documents");
    pty.press("\x04");
    assert!(pty.restored().success());

    let mut pty = Pty::start(program(root.path(), &folder), 110, 30);
    pty.wait_for("1 passage");
    pty.press("/set temperature\r");
    pty.wait_for("temperature = 0.3");
    pty.wait_for("from the file");
    pty.press("\x03\x04");
    assert!(pty.restored().success());
}
