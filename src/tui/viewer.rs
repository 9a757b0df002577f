//! Opening a cited file at its line: which program, with which arguments.
//!
//! Text goes to the person's editor, which knows lines; what is no text goes to the system's viewer, which knows none, so the
//! page is said. A file of the folder is never handed to a viewer by what is in it: a page of HTML or a script opens in the
//! editor.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, anyhow};

use crate::paths;
use crate::report::Hinting as _;

/// Formats that an editor of text cannot show.
const VIEWED: [&str; 22] = [
    "pdf", "doc", "docx", "docm", "xls", "xlsx", "xlsm", "xlsb", "ppt", "pptx", "pptm", "odt", "ods", "odp", "rtf",
    "epub", "png", "jpg", "jpeg", "gif", "tif", "tiff",
];

/// A place in a file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder's canonical path.
    pub folder: String,
    /// Relative to it, encoded as in [`crate::paths`].
    pub path: String,
    /// From 1; within the page where there is one.
    pub line: u32,
    /// From 1, for paged formats.
    pub page: Option<u32>,
}

/// How a file is opened.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// An editor, which may need the terminal: run it to its end.
    Editor(Invocation),
    /// A viewer with a window of its own.
    Viewer(Invocation),
}

/// A program with its arguments, not run yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    program: OsString,
    arguments: Vec<OsString>,
    /// What the person calls it.
    pub name: String,
}

impl Invocation {
    /// The command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Starts it without waiting for its end, apart from the terminal.
    pub fn launch(&self) -> Result<()> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command
            .spawn()
            .with_context(|| format!("{}: cannot start", self.name))
            .hint(format!("open the file by hand, or install {}", self.name))?;
        // Waited for, so that it leaves no entry in the table of processes.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Whether an editor ended as it should; how it ended is in `status`.
    pub fn ended(&self, status: std::io::Result<ExitStatus>) -> Result<()> {
        let hint = "set VISUAL or EDITOR to an editor that is installed";
        let status = status.with_context(|| format!("{}: cannot start", self.name)).hint(hint)?;
        // What a shell says when it does not find a program.
        if status.code() == Some(127) {
            return Err(anyhow!("{}: not found", self.name)).hint(hint);
        }
        Ok(())
    }
}

impl Target {
    /// The file itself. Fails when it is not there any more, or would lie outside of the folder.
    pub fn file(&self) -> Result<PathBuf> {
        let relative = paths::decode(&self.path);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        let file = Path::new(&self.folder).join(&relative);
        if !inside || relative.as_os_str().is_empty() {
            return Err(anyhow!("{}: not a path inside the folder", self.path))
                .hint("the conversation's file is damaged");
        }
        file.symlink_metadata()
            .with_context(|| format!("{}: cannot open", self.path))
            .hint("it was moved or removed since; what was read of it is still shown here")?;
        Ok(file)
    }

    /// Decides how `file`, which is [`Self::file`], is opened: by `$VISUAL`, `$EDITOR` or vi when it is text.
    pub fn opening(&self, file: &Path, var: impl Fn(&str) -> Option<String>) -> Opening {
        let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        // Mailboxes and notebooks have pages and are text; only a file without an extension is judged by having some.
        let is_viewed = match &extension {
            Some(extension) => VIEWED.contains(&extension.as_str()),
            None => self.page.is_some(),
        };
        if is_viewed {
            let name = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
            return Opening::Viewer(Invocation {
                program: name.into(),
                arguments: vec![file.into()],
                name: name.into(),
            });
        }
        let set = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
        let name = editor.split_whitespace().next().and_then(|word| word.rsplit('/').next()).unwrap_or("vi").to_owned();
        // As git does: the variable is a piece of shell that may hold options and quotes, the file is an argument of it.
        let mut arguments: Vec<OsString> = vec!["-c".into(), format!("{editor} \"$@\"").into(), name.clone().into()];
        // A line within a page is none of the file.
        arguments.extend(at_line(&name, file, if self.page.is_some() { 1 } else { self.line }));
        Opening::Editor(Invocation { program: "sh".into(), arguments, name })
    }

    /// What to tell the person when a viewer was started.
    pub fn viewed(&self, viewer: &str) -> String {
        let place = match self.page {
            Some(page) => format!("it is on page {page}"),
            None => format!("it is at line {} of its text", self.line),
        };
        format!("{viewer} opens {}; {place}", self.path)
    }
}

/// The arguments with which the editor called `name` opens `file` at `line`; one that is not known opens it at its start.
fn at_line(name: &str, file: &Path, line: u32) -> Vec<OsString> {
    let colon = || {
        let mut target = file.as_os_str().to_owned();
        target.push(format!(":{line}"));
        target
    };
    match name {
        "vi" | "vim" | "nvim" | "view" | "gvim" | "nano" | "pico" | "emacs" | "emacsclient" | "mg" | "kak"
        | "micro" | "joe" | "jed" | "ne" | "mcedit" => vec![format!("+{line}").into(), file.into()],
        "hx" | "helix" | "zed" | "subl" => vec![colon()],
        "code" | "code-insiders" | "codium" | "vscodium" | "cursor" => vec!["-g".into(), colon()],
        _ => vec![file.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, page: Option<u32>) -> Target {
        Target { folder: "/home/me/notes".into(), path: path.into(), line: 41, page }
    }

    fn opened(path: &str, page: Option<u32>, visual: &str, editor: &str) -> Opening {
        let file = Path::new("/home/me/notes").join(path);
        target(path, page).opening(&file, |name| match name {
            "VISUAL" => Some(visual.to_owned()),
            "EDITOR" => Some(editor.to_owned()),
            _ => None,
        })
    }

    /// What the shell would run, up to its quoting.
    fn line(opening: &Opening) -> String {
        let (Opening::Editor(invocation) | Opening::Viewer(invocation)) = opening;
        let arguments: Vec<_> = invocation.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        arguments.join(" ")
    }

    #[test]
    fn each_editor_is_told_the_line_in_its_own_way() {
        for (editor, end) in [
            ("vim", "vim \"$@\" vim +41 /home/me/notes/a.md"),
            ("/usr/bin/nano", "/usr/bin/nano \"$@\" nano +41 /home/me/notes/a.md"),
            ("emacsclient -t", "emacsclient -t \"$@\" emacsclient +41 /home/me/notes/a.md"),
            ("hx", "hx \"$@\" hx /home/me/notes/a.md:41"),
            ("code --wait", "code --wait \"$@\" code -g /home/me/notes/a.md:41"),
            ("ed", "ed \"$@\" ed /home/me/notes/a.md"),
        ] {
            assert_eq!(line(&opened("a.md", None, "", editor)), format!("-c {end}"));
        }
        assert_eq!(line(&opened("a.md", None, "nvim", "ed")), "-c nvim \"$@\" nvim +41 /home/me/notes/a.md");
        assert!(line(&opened("a.md", None, "", "")).starts_with("-c vi "));
    }

    #[test]
    fn text_is_edited_and_only_what_is_no_text_is_handed_to_a_viewer() {
        for (path, page) in [("a.PDF", None), ("b.docx", None), ("scan", Some(3))] {
            assert!(matches!(opened(path, page, "vim", ""), Opening::Viewer(_)), "{path}");
        }
        for path in ["page.html", "run.sh", "x.desktop", "notes"] {
            assert!(matches!(opened(path, None, "vim", ""), Opening::Editor(_)), "{path}");
        }
        // Whatever is in them: a line within a page is none of the file.
        for path in ["mail.mbox", "cells.ipynb", "x.desktop"] {
            let edited = opened(path, Some(3), "vim", "");
            assert!(matches!(edited, Opening::Editor(_)) && line(&edited).contains(" +1 "), "{path}");
        }
        assert!(target("a.pdf", Some(3)).viewed("xdg-open").ends_with("it is on page 3"));
    }

    #[test]
    fn a_file_name_is_one_argument_whatever_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let name = "a $(touch pwned) `x`; \"q\" -c.md";
        std::fs::write(dir.path().join(name), "x").unwrap();
        let target = Target { folder: dir.path().display().to_string(), path: name.into(), line: 2, page: None };
        let file = target.file().unwrap();
        let Opening::Editor(invocation) = target.opening(&file, |_| Some("printf '%s|'".into())) else { panic!() };
        let out = invocation.command().current_dir(dir.path()).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), format!("{}|", file.display()));
        assert!(!dir.path().join("pwned").exists());
    }

    #[test]
    fn what_is_gone_or_outside_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::fs::create_dir(dir.path().join("notes")).unwrap();
        let folder = dir.path().join("notes").display().to_string();
        for path in ["../secret", "/etc/passwd", "", "gone.md"] {
            let target = Target { folder: folder.clone(), path: path.into(), line: 1, page: None };
            assert!(target.file().is_err(), "{path}");
        }
    }
}
