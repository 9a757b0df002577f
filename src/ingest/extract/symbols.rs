//! What a line of source code defines, by the words that its language defines things with.
//!
//! No parser: a line that begins with a defining word (after its modifiers) and a name is a definition. That finds what a person
//! looks for in more than thirty languages, costs one look at each line, and reads broken code as well as whole.

mod languages;

pub(super) use languages::language;

/// How a family of languages writes definitions.
pub(super) struct Language {
    /// Words that define what follows them.
    definers: &'static [&'static str],
    /// Words that may stand before those.
    modifiers: &'static [&'static str],
    /// A name before parentheses at the start of a statement defines a function.
    calls: Calls,
    /// How a comment that belongs to the next definition begins.
    comments: &'static [&'static str],
    /// Upper and lower case are the same.
    ignores_case: bool,
}

/// Where `name(…)` is a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    Never,
    /// C: on a line that does not end a statement.
    Body,
    /// Shell: `name() {`.
    Empty,
    /// Erlang, Haskell: `name(` or `name ::` at the margin.
    Margin,
}

/// Words that look like calls or names and are none.
const CONTROL: &[&str] = &[
    "if", "for", "while", "switch", "return", "catch", "else", "do", "case", "new", "throw", "await", "sizeof",
    "defined", "using", "goto", "assert", "elif", "elseif", "foreach", "lock", "with", "yield", "typeof", "delete",
    "super", "this", "not", "and", "or", "in", "is", "end", "then", "when",
];

/// Longest name that is shown.
const MAX_NAME: usize = 80;

impl Language {
    /// The name of what a line defines, with the word that defines it: `fn read`, `class Tree`.
    pub(super) fn definition(&self, line: &str) -> Option<String> {
        let line = line.trim();
        // A definition of more is no line that anybody wrote.
        if line.len() > 400 || line.is_empty() || self.is_comment(line) {
            return None;
        }
        let is = |known: &&str, word: &str| {
            if self.ignores_case { known.eq_ignore_ascii_case(word) } else { *known == word }
        };
        let mut rest = line;
        for _ in 0..8 {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '(' | '<'))
                .filter(|end| *end > 0)
                .unwrap_or(rest.len());
            let end = if rest.starts_with('(') { rest.find(char::is_whitespace).unwrap_or(rest.len()) } else { end };
            let (word, after) = rest.split_at(end);
            if self.definers.iter().any(|known| is(known, word)) {
                let name = name(after, word)?;
                return Some(format!("{} {name}", word.trim_start_matches(['(', '-'])));
            }
            let known = self.modifiers.iter().any(|known| is(known, word));
            if !known {
                break;
            }
            rest = after.trim_start();
            // `pub(crate)`.
            if rest.starts_with('(') {
                rest = rest.split_once(')').map_or("", |(_, rest)| rest).trim_start();
            }
        }
        self.called(line)
    }

    /// A definition without a word of its own: `int main(void) {`.
    fn called(&self, line: &str) -> Option<String> {
        let open = line.find('(');
        let named = |text: &str| {
            let name = text
                .trim_end()
                .rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '~' | '$' | '-' | '\'')))
                .next()?;
            let starts = name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '~' | '$'));
            (starts && name.len() <= MAX_NAME && !CONTROL.contains(&name))
                .then(|| name.trim_end_matches(':').to_owned())
        };
        match self.calls {
            Calls::Never => None,
            Calls::Empty => {
                let (before, after) = line.split_at(open?);
                let name = after.starts_with("()").then(|| named(before)).flatten()?;
                (name == before.trim()).then(|| format!("{name}()"))
            }
            Calls::Margin => {
                if let Some((before, _)) = line.split_once(" ::") {
                    return named(before).filter(|name| name == before.trim());
                }
                let (before, after) = line.split_at(open?);
                let name = named(before)?;
                (name == before && after.contains("->")).then_some(name)
            }
            Calls::Body => {
                let (before, after) = line.split_at(open?);
                let first = before.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty())?;
                let opens =
                    line.ends_with('{') || line.ends_with(')') || line.ends_with("override") || line.ends_with("const");
                let is_statement =
                    before.contains(['=', '"', '.', ';']) || CONTROL.contains(&first) || after.starts_with("();");
                if !opens || is_statement || before.trim().is_empty() {
                    return None;
                }
                let name = named(before)?;
                // A call alone on its line has nothing before its name.
                (name != before.trim() || line.ends_with('{')).then(|| format!("{name}()"))
            }
        }
    }

    /// Whether a line is a comment or a mark that belongs to what follows.
    pub(super) fn is_comment(&self, line: &str) -> bool {
        let line = line.trim_start();
        self.comments.iter().any(|mark| line.starts_with(mark))
            && !self.definers.iter().any(|definer| line.starts_with(definer))
    }
}

/// The name after a defining word: up to what it takes or is made of.
fn name(after: &str, definer: &str) -> Option<String> {
    let mut text = after.trim_start();
    // A method of Go names its receiver first; a generic implementation its parameters.
    if definer == "func"
        && let Some(receiver) = text.strip_prefix('(')
    {
        text = receiver.split_once(')')?.1.trim_start();
    }
    if definer == "impl" && text.starts_with('<') {
        text = text.split_once("> ").map_or(text, |(_, rest)| rest);
    }
    let end = match definer {
        "impl" => text.find(['{', '\n']).map(|end| text[..end].split(" where ").next().unwrap_or_default().len()),
        "resource" | "data" | "variable" | "output" | "provider" | "test" => text.find('{'),
        _ => text.find(|c: char| c.is_whitespace() || matches!(c, '(' | '{' | ':' | '<' | '=' | ';' | ',' | '[' | ')')),
    };
    let name = text[..end.unwrap_or(text.len())].trim().trim_end_matches(['.', ';', ',']);
    let shown = name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '"' | '$' | '`' | '*'));
    (shown && name.len() <= MAX_NAME && !CONTROL.contains(&name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_in_many_languages_and_calls_are_not() {
        let defined = [
            ("rs", "    pub(crate) async fn read<T>(&self) -> T {", "fn read"),
            ("rs", "impl<T: Copy> Tree for Pear<T> {", "impl Tree for Pear<T>"),
            ("py", "class Tree(Plant):", "class Tree"),
            ("py", "    async def grow(self):", "def grow"),
            ("ts", "export default class Tree extends Plant {", "class Tree"),
            ("js", "async function grow(a, b) {", "function grow"),
            ("js", "  render() {", "render()"),
            ("go", "func (t *Tree) Grow(n int) error {", "func Grow"),
            ("c", "static int grow(struct tree *t)", "grow()"),
            ("cpp", "void Tree::grow(int n) const {", "Tree::grow()"),
            ("c", "#define GROWTH 3", "#define GROWTH"),
            ("java", "    public static void main(String[] args) {", "main()"),
            ("kt", "data class Tree(val age: Int)", "class Tree"),
            ("cs", "public record Tree(int Age);", "record Tree"),
            ("swift", "extension Tree: Plant {", "extension Tree"),
            ("php", "    public function grow(int $n): void {", "function grow"),
            ("scala", "  def grow(n: Int): Tree = {", "def grow"),
            ("rb", "  def grow!(n)", "def grow!"),
            ("ex", "  defp grow(n) do", "defp grow"),
            ("sh", "grow() {", "grow()"),
            ("ps1", "function Get-Tree {", "function Get-Tree"),
            ("pl", "sub grow {", "sub grow"),
            ("lua", "local function grow(n)", "function grow"),
            ("hs", "grow :: Int -> Tree", "grow"),
            ("ml", "let rec grow n =", "let rec"),
            ("erl", "grow(N) -> N + 1.", "grow"),
            ("jl", "function grow(n)", "function grow"),
            ("pas", "procedure Grow(N: Integer);", "procedure Grow"),
            ("f90", "  SUBROUTINE grow(n)", "SUBROUTINE grow"),
            ("vhdl", "entity tree is", "entity tree"),
            ("sql", "CREATE OR REPLACE VIEW old_trees AS", "VIEW old_trees"),
            ("proto", "message Tree {", "message Tree"),
            ("tf", "resource \"aws_tree\" \"pear\" {", "resource \"aws_tree\" \"pear\""),
            ("zig", "pub fn grow(n: u32) void {", "fn grow"),
            ("clj", "(defn grow [n]", "defn grow"),
            ("el", "(defun grow (n)", "defun grow"),
            ("dart", "  Future<void> grow(int n) async {", "grow()"),
            ("sol", "contract Tree is Plant {", "contract Tree"),
        ];
        for (extension, line, name) in defined {
            assert_eq!(language(extension).unwrap().definition(line).as_deref(), Some(name), "{extension}: {line}");
        }
        for (extension, line) in [
            ("rs", "    tree.grow();"),
            ("rs", "// fn nothing()"),
            ("c", "    grow(tree);"),
            ("c", "    if (tree) {"),
            ("c", "    return grow(tree)"),
            ("js", "const x = grow(1)"),
            ("js", "  } else if (a) {"),
            ("py", "classes = 3"),
            ("py", "define(x)"),
            ("java", "        System.out.println(x);"),
            ("sh", "grow $1"),
        ] {
            assert_eq!(language(extension).unwrap().definition(line), None, "{extension}: {line}");
        }
    }

    #[test]
    fn more_than_thirty_extensions_of_code_have_a_language() {
        let known = super::super::kind::code_extensions().filter(|extension| language(extension).is_some()).count();
        assert!(known >= 60, "{known}");
    }
}
