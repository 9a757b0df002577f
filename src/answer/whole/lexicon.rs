//! The words by which a question says that it is about everything, in the languages that are understood here.
//!
//! One row of tables a language; [`super::task`] has the rules, which are the same for all. Only words that leave little doubt: what is
//! missing here is asked with `--whole` or `/whole`.

/// The cue words of one language, in lower case.
pub(super) struct Lexicon {
    /// May stand before everything else: "could you please".
    pub(super) polite: &'static [&'static str],
    /// Imperatives that ask for a list.
    pub(super) list: &'static [&'static str],
    /// To whom: "show *me* all".
    pub(super) me: &'static [&'static str],
    /// Every one of them.
    pub(super) all: &'static [&'static str],
    /// Which ones.
    pub(super) which: &'static [&'static str],
    /// "What *are* all the".
    pub(super) are: &'static [&'static str],
    /// Files, as people call them; in the plural where the language has one.
    pub(super) files: &'static [&'static str],
    /// One file, before its name.
    pub(super) file: &'static [&'static str],
    /// What a file consists of.
    pub(super) entries: &'static [&'static str],
    /// What a file does with a subject.
    pub(super) mention: &'static [&'static str],
    /// "Are *there*", "do I *have*".
    pub(super) exists: &'static [&'static str],
    /// Of how many words each: "how many".
    pub(super) how_many: &'static [&'static [&'static str]],
    /// Imperatives that ask for a number.
    pub(super) count: &'static [&'static str],
    /// Imperatives that ask for two things side by side.
    pub(super) compare: &'static [&'static str],
    /// Between the two.
    pub(super) and: &'static [&'static str],
    /// Verbs and nouns that ask for a summary.
    pub(super) summarize: &'static [&'static str],
    /// The folder itself.
    pub(super) folder: &'static [&'static str],
    /// Beside "files" or "folder": those of the person.
    pub(super) mine: &'static [&'static str],
    /// Words between the others that say nothing.
    pub(super) glue: &'static [&'static str],
}

/// English, Indonesian, German, French, Spanish; the first that understands a question has it.
pub(super) const LEXICONS: [Lexicon; 5] = [ENGLISH, INDONESIAN, GERMAN, FRENCH, SPANISH];

/// Whether a word of any of these languages joins others and says nothing by itself.
pub(in crate::answer) fn is_glue(word: &str) -> bool {
    LEXICONS.iter().any(|lexicon| lexicon.glue.contains(&word))
}

const ENGLISH: Lexicon = Lexicon {
    polite: &["please", "can", "could", "would", "you", "kindly"],
    list: &["list", "enumerate", "show", "give", "name", "find", "tell", "collect"],
    me: &["me", "us"],
    all: &["all", "every", "each", "everything"],
    which: &["which", "what"],
    are: &["are", "were"],
    files: &["files", "notes", "documents", "docs"],
    file: &["file", "note", "document"],
    entries: &["entries", "records", "rows", "items"],
    mention: &[
        "mention",
        "mentions",
        "mentioning",
        "contain",
        "contains",
        "containing",
        "about",
        "say",
        "talk",
        "describe",
        "discuss",
        "cover",
        "refer",
        "include",
        "tagged",
    ],
    exists: &["there", "have"],
    how_many: &[&["how", "many"], &["number", "of"]],
    count: &["count"],
    compare: &["compare", "contrast"],
    and: &["and", "with", "to", "versus", "vs", "against"],
    summarize: &["summarize", "summarise", "summary", "overview", "recap"],
    folder: &["folder", "directory", "everything"],
    mine: &["my", "our", "this", "these"],
    glue: &[
        "i", "we", "do", "did", "does", "is", "are", "was", "were", "the", "a", "an", "of", "in", "on", "to", "that",
        "those", "who", "what", "there", "have", "has", "for", "from", "with", "across", "whole", "entire", "and",
        "any", "some", "it", "them", "me", "us",
    ],
};

const INDONESIAN: Lexicon = Lexicon {
    polite: &["tolong", "mohon", "bisakah", "kamu", "anda"],
    list: &["daftar", "daftarkan", "sebutkan", "tampilkan", "tunjukkan", "cari", "carikan", "temukan"],
    me: &["saya", "kami"],
    all: &["semua", "semuanya", "seluruh", "setiap", "segala"],
    which: &["mana", "apa"],
    are: &["saja"],
    files: &["berkas", "file", "dokumen", "catatan"],
    file: &["berkas", "file", "dokumen", "catatan"],
    entries: &["entri", "baris", "butir"],
    mention: &["menyebut", "menyebutkan", "memuat", "berisi", "tentang", "membahas", "mengandung"],
    exists: &["ada"],
    how_many: &[&["berapa", "banyak"], &["berapa", "jumlah"], &["berapa"]],
    count: &["hitung", "hitunglah"],
    compare: &["bandingkan"],
    and: &["dan", "dengan"],
    summarize: &["ringkas", "ringkaskan", "ringkaslah", "rangkum", "rangkumkan", "ringkasan", "rangkuman", "ikhtisar"],
    folder: &["folder", "direktori", "semuanya"],
    mine: &["ini", "saya", "kami"],
    glue: &["yang", "di", "dari", "ada", "saja", "dalam", "pada", "untuk", "dan", "itu", "kali"],
};

const GERMAN: Lexicon = Lexicon {
    polite: &["bitte", "kannst", "könntest", "du"],
    list: &["liste", "nenne", "zeige", "zeig", "finde", "gib", "suche"],
    me: &["mir", "uns"],
    all: &["alle", "allen", "aller", "alles", "sämtliche", "jede", "jeden", "jedes"],
    which: &["welche", "welchen"],
    are: &["sind", "waren"],
    files: &["dateien", "notizen", "dokumente", "dokumenten"],
    file: &["datei", "notiz", "dokument"],
    entries: &["einträge", "einträgen", "zeilen"],
    mention: &["erwähnen", "enthalten", "nennen", "handeln", "behandeln", "sprechen", "über", "zu"],
    exists: &["gibt", "habe", "haben"],
    how_many: &[&["wie", "viele"], &["wie", "vielen"], &["wieviele"]],
    count: &["zähle", "zähl"],
    compare: &["vergleiche", "vergleich"],
    and: &["und", "mit"],
    summarize: &["fasse", "fass", "zusammenfassung", "überblick"],
    folder: &["ordner", "verzeichnis", "alles"],
    mine: &["meine", "meiner", "meinen", "diese", "diesen", "dieser", "unsere"],
    glue: &[
        "ich", "wir", "der", "die", "das", "den", "dem", "des", "von", "vom", "in", "im", "auf", "es", "gibt", "habe",
        "haben", "zusammen", "und", "ein", "eine", "einen", "mir", "uns", "sind", "mal",
    ],
};

const FRENCH: Lexicon = Lexicon {
    polite: &["peux-tu", "pouvez-vous"],
    list: &["liste", "listez", "énumère", "énumérez", "montre", "montre-moi", "donne", "donne-moi", "trouve", "cite"],
    me: &["moi", "nous"],
    all: &["tous", "toutes", "tout", "chaque"],
    which: &["quels", "quelles"],
    are: &["sont"],
    files: &["fichiers", "notes", "documents"],
    file: &["fichier", "note", "document"],
    entries: &["entrées", "lignes"],
    mention: &["mentionnent", "contiennent", "parlent", "évoquent", "citent", "sur"],
    exists: &["a-t-il", "y", "ai-je"],
    how_many: &[&["combien", "de"], &["combien"]],
    count: &["compte", "comptez"],
    compare: &["compare", "comparez"],
    and: &["et", "avec", "à"],
    summarize: &["résume", "résumez", "résumé"],
    folder: &["dossier", "répertoire", "tout"],
    mine: &["mes", "ce", "ces", "nos"],
    glue: &[
        "le", "la", "les", "de", "des", "du", "d", "un", "une", "que", "qui", "dans", "en", "au", "aux", "je", "j'ai",
        "y", "il", "a", "et", "moi", "sont",
    ],
};

const SPANISH: Lexicon = Lexicon {
    polite: &["puedes", "podrías"],
    list: &["lista", "enumera", "muestra", "muéstrame", "dame", "nombra", "encuentra"],
    me: &["me", "nos"],
    all: &["todos", "todas", "todo", "cada"],
    which: &["qué", "cuáles", "que"],
    are: &["son"],
    files: &["archivos", "ficheros", "notas", "documentos"],
    file: &["archivo", "fichero", "nota", "documento"],
    entries: &["entradas", "filas", "líneas"],
    mention: &["mencionan", "contienen", "hablan", "tratan", "citan", "sobre"],
    exists: &["hay", "tengo"],
    how_many: &[&["cuántos"], &["cuántas"], &["cuantos"], &["cuantas"]],
    count: &["cuenta"],
    compare: &["compara"],
    and: &["y", "con"],
    summarize: &["resume", "resumen", "resúmeme"],
    folder: &["carpeta", "directorio", "todo"],
    mine: &["mis", "esta", "este", "estas", "estos", "nuestros", "nuestras"],
    glue: &[
        "el", "la", "los", "las", "de", "del", "un", "una", "que", "en", "hay", "tengo", "yo", "y", "por", "favor",
        "me", "son",
    ],
};
