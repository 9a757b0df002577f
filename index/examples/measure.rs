//! Throwaway: indexing speed and ranking of BEIR-like sets and of folders of Markdown.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::time::Instant;
use tanya_index::*;

fn pieces(text: &str, most: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut cur = String::new();
    for s in text.split_inclusive(". ") {
        if !cur.is_empty() && cur.split_whitespace().count() + s.split_whitespace().count() > most {
            out.push(std::mem::take(&mut cur));
        }
        cur.push_str(s);
    }
    if !cur.trim().is_empty() || out.is_empty() { out.push(cur); }
    out
}

fn md(path: &std::path::Path, name: &str) -> Document {
    let text = std::fs::read_to_string(path).unwrap();
    let mut heads: Vec<String> = Vec::new();
    let mut chunks: Vec<NewChunk> = Vec::new();
    let mut title = String::new();
    let (mut cur, mut start) = (String::new(), 1u32);
    let flush = |cur: &mut String, start: u32, end: u32, heads: &Vec<String>, chunks: &mut Vec<NewChunk>| {
        if !cur.trim().is_empty() {
            chunks.push(NewChunk { span: Span { start_line: start, end_line: end, page: None }, heading: heads.join(" › "), text: cur.trim().to_owned() });
        }
        cur.clear();
    };
    for (i, line) in text.lines().enumerate() {
        let n = i as u32 + 1;
        let level = line.chars().take_while(|&c| c == '#').count();
        if level > 0 && line.chars().nth(level) == Some(' ') {
            flush(&mut cur, start, n, &heads, &mut chunks);
            heads.truncate(level - 1);
            heads.push(line[level + 1..].to_owned());
            if title.is_empty() { title = line[level + 1..].to_owned(); }
            start = n;
        } else {
            if line.trim().is_empty() && cur.split_whitespace().count() > 80 {
                flush(&mut cur, start, n, &heads, &mut chunks);
                start = n;
            }
            cur.push_str(line); cur.push('\n');
        }
    }
    flush(&mut cur, start, text.lines().count() as u32, &heads, &mut chunks);
    Document { path: name.to_owned(), stamp: FileStamp { size: text.len() as u64, mtime_ns: 0, hash: None }, title, chunks, state: FileState::Indexed, reason: None }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (corpus, queries, out, most) = (&args[1], &args[2], &args[3], args[4].parse::<usize>().unwrap());
    let lines = |p: &str| BufReader::new(std::fs::File::open(p).unwrap()).lines().map(|l| serde_json::from_str::<HashMap<String, serde_json::Value>>(&l.unwrap()).unwrap()).collect::<Vec<_>>();
    let mut documents = Vec::new();
    if std::path::Path::new(corpus).is_dir() {
        let mut stack = vec![std::path::PathBuf::from(corpus)];
        while let Some(p) = stack.pop() {
            for e in std::fs::read_dir(&p).unwrap() {
                let e = e.unwrap().path();
                if e.is_dir() { stack.push(e) } else if e.extension().is_some_and(|x| x == "md") {
                    documents.push(md(&e, &e.strip_prefix(corpus).unwrap().to_string_lossy()));
                }
            }
        }
    } else {
        for row in lines(corpus) {
            let get = |k: &str| row.get(k).and_then(|v| v.as_str()).unwrap_or("").to_owned();
            let text = get("text");
            documents.push(Document {
                path: format!("{}.md", get("_id")), stamp: FileStamp { size: text.len() as u64, mtime_ns: 0, hash: None }, title: get("title"),
                chunks: pieces(&text, most).into_iter().enumerate().map(|(i, text)| NewChunk { span: Span { start_line: i as u32, end_line: i as u32, page: None }, heading: String::new(), text }).collect(),
                state: FileState::Indexed, reason: None,
            });
        }
    }
    if std::env::var("FLAT").is_ok() { for d in &mut documents { let t = std::mem::take(&mut d.title); for c in &mut d.chunks { c.text = format!("{t}. {}", c.text); } } }
    let bytes: u64 = documents.iter().map(|d| d.stamp.size).sum();
    let (files, chunks) = (documents.len(), documents.iter().map(|d| d.chunks.len()).sum::<usize>());
    let dir = tempfile::tempdir().unwrap();
    let t = Instant::now();
    let library = Library::open(dir.path()).unwrap();
    let mut writer = library.writer().unwrap();
    println!("open {:?}", t.elapsed());
    let t = Instant::now();
    for d in documents { writer.upsert(d).unwrap(); }
    writer.commit().unwrap();
    println!("{files} files, {bytes} B, {chunks} chunks: committed in {:?}", t.elapsed());
    let snapshot = library.snapshot().unwrap();
    println!("searchable after {:?}", t.elapsed());
    let t = Instant::now();
    for i in 0..20 { 
        writer.upsert(Document { path: format!("extra{i}"), stamp: FileStamp { size: 0, mtime_ns: 0, hash: None }, title: String::new(), chunks: vec![NewChunk { span: Span { start_line: 1, end_line: 1, page: None }, heading: String::new(), text: "zzz".into() }], state: FileState::Indexed, reason: None }).unwrap();
        writer.commit().unwrap(); }
    println!("a small commit: {:?}", t.elapsed() / 20);
    let mut file = std::io::BufWriter::new(std::fs::File::create(out).unwrap());
    let mut times = Vec::new();
    for row in lines(queries) {
        let id = row["_id"].as_str().unwrap();
        let text = row.get("text").or(row.get("question")).unwrap().as_str().unwrap().to_owned();
        let t = Instant::now();
        let hits = snapshot.search(&Query { texts: vec![WeightedText { text, weight: 1.0 }], vectors: vec![], limit: std::env::var("LIMIT").map_or(100, |v| v.parse().unwrap()), mode: Mode::Lexical }).unwrap();
        times.push(t.elapsed());
        let hits: Vec<_> = hits.iter().map(|h| serde_json::json!({"path": h.chunk.path, "score": h.bm25, "share": h.lexical_share, "coverage": h.coverage})).collect();
        writeln!(file, "{}", serde_json::json!({"id": id, "hits": hits})).unwrap();
    }
    times.sort();
    println!("search p50 {:?} p95 {:?}", times[times.len() / 2], times[times.len() * 95 / 100]);
    let size = |p: &std::path::Path| std::fs::read_dir(p).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum::<u64>();
    println!("words {} B, store {} B", size(&dir.path().join("words")), size(dir.path()));
}
