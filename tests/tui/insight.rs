//! The views into the machinery, on the program itself with its real models.

use crate::{Pty, common, program};

#[test]
fn the_steps_the_prompt_and_the_cost_of_a_real_answer_are_shown() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "# Garden\n\nOn March 9 I pruned the pear tree with the Felco saw.\n")
        .expect("a file");
    std::fs::create_dir_all(root.path().join("data/tanya")).expect("a folder");
    std::os::unix::fs::symlink(common::models(), root.path().join("data/tanya/models")).expect("a link");
    let mut pty = Pty::start(program(root.path(), &folder), 120, 40);
    pty.wait_for("1 passage");
    // A quotation has no steps: here the language model is to write.
    pty.press("/set answer_style write\r");
    pty.press("/inspect\r");
    pty.wait_for("the steps of the next answer are kept");
    pty.press("When did I prune the pear tree?\r");
    pty.wait_for("tok/s");
    pty.press("/inspect\r");
    pty.wait_for("step 1 of");
    // Answers are greedy: one token is left, until a temperature lets others come.
    pty.wait_for("cut here: 1 of 49,152 left");
    pty.wait_for("100 %");
    pty.press("t");
    pty.wait_for("temperature 0.2 (was 0)");
    pty.wait_until("no cut", |pty| !pty.text().contains("cut here"));
    pty.press("\x1b[C");
    pty.wait_for("step 2 of");
    pty.press("i");
    pty.wait_for("tokens that the model read");
    pty.wait_for("pear");
    // One at a time: two escapes that arrive together are another key.
    pty.press("\x1b");
    pty.wait_until("no input", |pty| !pty.text().contains("tokens that the model read"));
    pty.press("\x1b");
    pty.wait_until("no step", |pty| !pty.text().contains("step 2 of"));
    pty.press("/prompt\r");
    pty.wait_for("free for the answer");
    pty.press("d");
    pty.wait_for("left out");
    pty.press("a");
    // The only passage is left out: nothing is left to answer from.
    pty.wait_for("Not in your documents");
    pty.press("/metrics\r");
    pty.wait_for("to the first word");
    pty.press("\x1b");
    pty.wait_until("no metrics", |pty| !pty.text().contains("to the first word"));
    pty.press("\x03\x03\x04");
    assert!(pty.restored().success());
}
