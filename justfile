# The recipes of this file are what CI runs (.ci/run calls the same commands).

# list the recipes
default:
    @just --list

# what CI checks, in its order
check: fmt clippy doc test

# formatting
fmt:
    cargo fmt --all --check

# lints, warnings are errors
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# documentation builds without warnings, private items included
doc:
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --locked

# fetch the default models once, then run every test (the README's test command)
test:
    ./test

# the crash tests of the library in their long form: 200 kills, every failed call, 500 power cuts, 1,000 damaged files (half an hour)
crash:
    TANYA_INDEX_FULL=1 cargo test -p tanya-index --test library --locked -- kill:: faults:: torn:: flips:: instances::

# how the words of the PDFs in a folder agree with those that pdftotext (poppler-utils) reads, and pages a second
pdf FOLDER:
    TANYA_PDFS="{{FOLDER}}" cargo test -p tanya --lib --locked -- --ignored --nocapture words_of_pdfs_against_pdftotext

# megabytes a second at which the web pages under a folder are read, on one core
html FOLDER:
    TANYA_PAGES="{{FOLDER}}" cargo test --workspace --lib --locked -- --ignored --nocapture megabytes_of_pages_a_second

# the pictures and the screencast of the README, taken from the program with its real models on the documents of `tanya demo`
pictures:
    cargo test --test tui --locked -- --ignored pictures_of_the_readme

# time and memory of a text of 1 GB and of 100,000 files, through the program (some minutes, 1.5 GB of a temporary folder)
extremes:
    cargo test -p tanya --locked --test extremes -- --ignored --nocapture --test-threads=1

# review changed snapshots
snap:
    cargo insta review

# licenses, sources and advisories of dependencies
deny:
    cargo deny check

# the program, on a folder
run *ARGS:
    cargo run --release --locked -- {{ARGS}}

# follow the log
log:
    tail -f "${XDG_STATE_HOME:-$HOME/.local/state}/tanya/tanya.log"
