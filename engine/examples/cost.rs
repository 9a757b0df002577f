use tanya_engine::*;
fn main() {
    let home = std::env::var("HOME").unwrap();
    let d = Decoder::open(std::path::Path::new(&format!("{home}/.local/share/tanya/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf")), &Options::default()).unwrap();
    let m = Message { role: Role::User, content: "Write a long story about a garden.".into() };
    let p = prompt_ids(d.tokenizer(), &d.template().segments(&[m], true).unwrap());
    let mut sums = [vec![], vec![]];
    for round in 0..12 {
        let which = round % 2;
        let s = Sampling { max_tokens: 150, draft_tokens: 0, logprobs: if which == 1 { Some(64) } else { None }, ..Sampling::default() };
        let mut n = 0;
        let f = generate(&mut d.context(), &p, &s, &Cancel::new(), &mut |e| if let Event::Token(o) = e { n += o.clone().best.len() }).unwrap();
        let ms = f.timings.token_p50.as_secs_f64() * 1e3;
        println!("{which} p50 {ms:.3} ms, {} tokens, {n}", f.generated_tokens);
        sums[which].push(ms);
    }
    for s in &mut sums { s.sort_by(f64::total_cmp); println!("median {:.3} min {:.3}", s[s.len()/2], s[0]); }
}
