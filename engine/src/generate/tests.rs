use super::*;
use crate::gguf::build::tiny;
use crate::template::{Message, Role};
use crate::test_models::smollm2;
use crate::tokenizer::prompt_ids;
use crate::{Decoder, Options};

fn question(text: &str) -> Vec<u32> {
    let message = Message { role: Role::User, content: text.to_owned() };
    let segments = smollm2().template().segments(&[message], true).unwrap();
    prompt_ids(smollm2().tokenizer(), &segments)
}

fn sampling(max_tokens: usize) -> Sampling {
    Sampling { max_tokens, ..Sampling::default() }
}

fn run(context: &mut Context, prompt: &[u32], sampling: &Sampling) -> (String, Finish) {
    let mut text = String::new();
    let finish = generate(context, prompt, sampling, &Cancel::new(), &mut |event| {
        if let Event::Text(piece) = event {
            text.push_str(piece);
        }
    })
    .unwrap();
    (text, finish)
}

fn tiny_decoder(architecture: &str, window: u32) -> (tempfile::TempDir, Decoder) {
    let mut build = tiny(architecture);
    build.u32(&format!("{architecture}.context_length"), window);
    let (folder, path) = build.write();
    let decoder = Decoder::open(&path, &Options::default()).unwrap();
    (folder, decoder)
}

#[test]
fn the_real_model_answers_and_ends_its_turn() {
    let mut context = smollm2().context();
    let (text, finish) =
        run(&mut context, &question("Paris is the capital of France. What is the capital of France?"), &sampling(40));
    assert!(text.contains("Paris"), "{text}");
    assert_eq!(finish.reason, FinishReason::Stop);
    assert_eq!(context.ids().len(), finish.prompt_tokens + finish.generated_tokens);
    assert!(finish.timings.first_token >= finish.timings.prefill);
}

#[test]
fn progress_covers_the_prompt_and_comes_before_the_text() {
    let prompt = question(&"word ".repeat(600));
    let mut seen = Vec::new();
    generate(&mut smollm2().context(), &prompt, &sampling(1), &Cancel::new(), &mut |event| match event {
        Event::Prefill { done, total } => seen.push((done, total)),
        Event::Text(_) | Event::Token(_) => seen.push((0, 0)),
    })
    .unwrap();
    let steps: Vec<usize> = seen.iter().take_while(|step| step.1 > 0).map(|step| step.0).collect();
    assert_eq!(steps.first(), Some(&0));
    assert_eq!(steps.last(), Some(&prompt.len()));
    assert!(steps.len() >= 4 && steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
}

#[test]
fn a_second_turn_on_a_kept_cache_equals_a_fresh_run() {
    for architecture in ["llama", "qwen2", "qwen3", "gemma3", "smollm3"] {
        let (_folder, decoder) = tiny_decoder(architecture, 1024);
        let first: Vec<u32> = (0..300).map(|index| index * 7 % 259).collect();
        let mut kept = decoder.context();
        let (_, finish) = run(&mut kept, &first, &sampling(20));
        let mut second = kept.ids().to_vec();
        second.extend((0..30).map(|index| index * 11 % 259));
        let (again, reused) = run(&mut kept, &second, &sampling(20));
        let (fresh, none) = run(&mut decoder.context(), &second, &sampling(20));
        assert_eq!(again, fresh, "{architecture}");
        assert!(reused.reused_tokens >= first.len() && none.reused_tokens == 0, "{finish:?} {reused:?}");
    }
}

#[test]
fn a_second_turn_of_the_real_model_reuses_the_first() {
    let mut context = smollm2().context();
    let prompt = question("Name a color.");
    run(&mut context, &prompt, &sampling(5));
    let mut longer = context.ids().to_vec();
    longer.extend(smollm2().tokenizer().encode_text(" Blue is a color of the sky"));
    let mut progress = |_: usize, _: usize| ();
    let prefill = context.prefill(&longer, &Cancel::new(), &mut progress).unwrap();
    assert!(matches!(prefill, Prefill::Complete { reused } if reused >= prompt.len()), "{prefill:?}");
    let mut fresh = smollm2().context();
    fresh.prefill(&longer, &Cancel::new(), &mut progress).unwrap();
    let (kept, fresh) = (context.next_token_scores().unwrap(), fresh.next_token_scores().unwrap());
    assert_eq!(kept, fresh);
}

/// A prompt that makes a model repeat itself, so that drafts come true.
fn repetitive() -> Vec<u32> {
    question(&"List the parts: wheel, brake, saddle, chain. Now list them again. ".repeat(4))
}

#[test]
fn drafts_change_nothing_but_the_time() {
    for (temperature, seed) in [(0.0, 0), (0.8, 1), (0.8, 2)] {
        let with = |draft_tokens: usize| {
            let sampling = Sampling { temperature, seed, draft_tokens, repetition_penalty: 1.05, ..sampling(80) };
            let mut context = smollm2().context();
            let (text, finish) = run(&mut context, &repetitive(), &sampling);
            (text, finish.reason, context.ids().to_vec(), finish.drafts)
        };
        let (text, reason, ids, none) = with(0);
        assert_eq!(none, crate::Drafts::default());
        for most in [1, 3, 7, 20] {
            let (drafted_text, drafted_reason, drafted_ids, drafts) = with(most);
            assert_eq!(
                (&drafted_text, drafted_reason, &drafted_ids),
                (&text, reason, &ids),
                "{temperature} {seed} {most}"
            );
            assert!(temperature > 0.0 || drafts.accepted > 0, "no draft came true: this test proves nothing");
        }
    }
}

/// Any run of a text's tokens, ended anywhere.
fn runs(text: &str) -> std::sync::Arc<crate::Constraint> {
    let tokenizer = smollm2().tokenizer();
    let mut constraint = crate::Constraint::new();
    let (start, mut at, done) = (constraint.state(), constraint.state(), constraint.state());
    constraint.begin_at(start);
    for token in tokenizer.encode_text(text) {
        let next = constraint.state();
        constraint.edge(start, token, next);
        constraint.edge(at, token, next);
        for end in tokenizer.end_tokens() {
            constraint.edge(next, *end, done);
        }
        at = next;
    }
    constraint.into()
}

#[test]
fn under_a_constraint_drafts_change_nothing_and_nothing_else_is_written() {
    let text = "List the parts: wheel, brake, saddle, chain. The bell rings, the light shines, and the wheel turns.";
    for (temperature, seed) in [(0.0, 0), (1.5, 1), (1.5, 2)] {
        let with = |draft_tokens: usize| {
            let constraint = Some(runs(text));
            let sampling = Sampling { temperature, seed, constraint, draft_tokens, ..sampling(60) };
            let mut context = smollm2().context();
            let (written, finish) = run(&mut context, &repetitive(), &sampling);
            (written, finish.reason, context.ids().to_vec(), finish.drafts)
        };
        let (written, reason, ids, _) = with(0);
        assert!(!written.is_empty() && text.contains(&written), "{written}");
        for most in [1, 7] {
            let (drafted, drafted_reason, drafted_ids, drafts) = with(most);
            assert_eq!((&drafted, drafted_reason, &drafted_ids), (&written, reason, &ids));
            assert!(temperature > 0.0 || drafts.accepted > 0, "no draft came true: this test proves nothing");
        }
    }
}

#[test]
fn a_context_that_was_cancelled_within_a_draft_goes_on_as_if_nothing_had_been_drafted() {
    let sampling = sampling(60);
    let cancel = Cancel::new();
    let mut context = smollm2().context();
    let mut pieces = 0;
    let finish = generate(&mut context, &repetitive(), &sampling, &cancel.clone(), &mut |event| {
        pieces += usize::from(matches!(event, Event::Text(_)));
        if pieces == 12 {
            cancel.cancel();
        }
    })
    .unwrap();
    assert_eq!(finish.reason, FinishReason::Cancelled);
    let fresh = run(&mut smollm2().context(), &repetitive(), &sampling).0;
    assert_eq!(run(&mut context, &repetitive(), &sampling).0, fresh);
}

#[test]
fn a_prompt_that_differs_in_the_middle_keeps_the_common_beginning() {
    let (_folder, decoder) = tiny_decoder("llama", 1024);
    let mut context = decoder.context();
    let first: Vec<u32> = (0..100).collect();
    run(&mut context, &first, &sampling(5));
    let mut other = first.clone();
    other[60] = 200;
    let (kept, finish) = run(&mut context, &other, &sampling(10));
    assert_eq!(finish.reused_tokens, 60);
    assert_eq!(kept, run(&mut decoder.context(), &other, &sampling(10)).0);
    // The same prompt again: all but the last token are there.
    let (again, finish) = run(&mut context, &other, &sampling(10));
    assert_eq!((again, finish.reused_tokens), (kept, 99));
}

#[test]
fn cancelling_between_blocks_leaves_a_usable_context() {
    let (_folder, decoder) = tiny_decoder("qwen3", 1024);
    let prompt: Vec<u32> = (0..700).map(|index| index * 13 % 259).collect();
    let mut context = decoder.context();
    let cancel = Cancel::new();
    let finish = generate(&mut context, &prompt, &sampling(10), &cancel.clone(), &mut |event| {
        if matches!(event, Event::Prefill { done: 256, .. }) {
            cancel.cancel();
        }
    })
    .unwrap();
    assert_eq!((finish.reason, finish.generated_tokens), (FinishReason::Cancelled, 0));
    assert_eq!(context.ids(), &prompt[..256]);
    let (text, finish) = run(&mut context, &prompt, &sampling(10));
    assert_eq!(finish.reused_tokens, 256);
    assert_eq!(text, run(&mut decoder.context(), &prompt, &sampling(10)).0);
}

#[test]
fn cancelling_while_decoding_stops_after_one_token() {
    let cancel = Cancel::new();
    let mut pieces = 0;
    let finish =
        generate(&mut smollm2().context(), &question("Count to 50."), &sampling(60), &cancel.clone(), &mut |event| {
            if matches!(event, Event::Text(_)) {
                pieces += 1;
                cancel.cancel();
            }
        })
        .unwrap();
    assert_eq!((finish.reason, pieces, finish.generated_tokens), (FinishReason::Cancelled, 1, 1));
}

#[test]
fn a_full_window_ends_the_answer() {
    let (_folder, decoder) = tiny_decoder("qwen2", 64);
    let prompt: Vec<u32> = (0..60).collect();
    let mut settings = sampling(100);
    // End tokens are as likely as others here; make this run long enough on every seed.
    settings.temperature = 1.0;
    let reasons: Vec<Finish> = (0..20)
        .map(|seed| {
            settings.seed = seed;
            run(&mut decoder.context(), &prompt, &settings).1
        })
        .collect();
    let full = reasons.iter().find(|finish| finish.reason == FinishReason::Window).expect("one seed fills the window");
    // Four tokens are read into the window; the fifth is generated from the last of them.
    assert_eq!(full.generated_tokens, 5);
    let exactly: Vec<u32> = (0..64).collect();
    assert!(run(&mut decoder.context(), &exactly, &sampling(9)).1.generated_tokens <= 1);
    let error = generate(&mut decoder.context(), &[1; 65], &sampling(1), &Cancel::new(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::PromptTooLong { prompt: 65, window: 64 }));
}

#[test]
fn the_limit_of_tokens_is_kept() {
    let (_, finish) = run(&mut smollm2().context(), &question("Count to 50."), &sampling(7));
    assert_eq!((finish.reason, finish.generated_tokens), (FinishReason::Length, 7));
    let (text, finish) = run(&mut smollm2().context(), &question("Hi"), &sampling(0));
    assert_eq!((text.as_str(), finish.reason), ("", FinishReason::Length));
}

#[test]
fn a_stop_string_ends_the_text_before_itself() {
    let prompt = question("Paris is the capital of France. What is the capital of France?");
    let mut settings = sampling(40);
    settings.stop = vec![" France".to_owned()];
    let (text, finish) = run(&mut smollm2().context(), &prompt, &settings);
    assert_eq!((text.as_str(), finish.reason), ("Paris is the capital of", FinishReason::StopString));
}

#[test]
fn a_seed_decides_and_another_seed_differs() {
    let prompt = question("Tell me a story.");
    let mut settings = sampling(16);
    settings.temperature = 1.2;
    let text = |seed: u64| {
        let settings = Sampling { seed, ..settings.clone() };
        run(&mut smollm2().context(), &prompt, &settings).0
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn bad_input_is_an_error_and_the_context_stays_usable() {
    let (_folder, decoder) = tiny_decoder("llama", 64);
    let mut context = decoder.context();
    let mut attempt = |prompt: &[u32]| generate(&mut context, prompt, &sampling(1), &Cancel::new(), &mut |_| ());
    assert!(matches!(attempt(&[]), Err(Error::EmptyPrompt)));
    assert!(matches!(attempt(&[1, 263]), Err(Error::TokenOutOfRange { id: 263, .. })));
    assert!(attempt(&[1, 2]).is_ok());
}

#[test]
fn contexts_of_one_decoder_do_not_disturb_each_other() {
    let (_folder, decoder) = tiny_decoder("qwen2", 256);
    let prompts: [Vec<u32>; 2] = [(0..50).collect(), (100..160).collect()];
    let alone = prompts.each_ref().map(|prompt| run(&mut decoder.context(), prompt, &sampling(8)).0);
    let mut contexts = [decoder.context(), decoder.context()];
    for (context, prompt) in contexts.iter_mut().zip(&prompts) {
        run(context, prompt, &sampling(4));
    }
    for ((context, prompt), alone) in contexts.iter_mut().zip(&prompts).zip(alone) {
        assert_eq!(run(context, prompt, &sampling(8)).0, alone);
    }
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let of = |counts: std::ops::RangeInclusive<u64>, percent| {
        let sorted: Vec<Duration> = counts.map(Duration::from_millis).collect();
        percentile(&sorted, percent).as_millis()
    };
    assert_eq!((of(1..=20, 50), of(1..=20, 95), of(1..=1, 95), percentile(&[], 50).as_millis()), (10, 19, 1, 0));
}

#[test]
fn every_chosen_token_can_be_seen_with_its_probability_and_the_best_others() {
    let sampling = Sampling { logprobs: Some(3), temperature: 0.9, seed: 4, ..sampling(12) };
    let (mut tokens, mut tops) = (Vec::new(), Vec::new());
    let mut context = smollm2().context();
    let prompt = question("Name a color.");
    generate(&mut context, &prompt, &sampling, &Cancel::new(), &mut |event| {
        if let Event::Token(Observed { chosen, best, .. }) = event {
            assert!(best.len() == 3 && best.windows(2).all(|pair| pair[0].logprob >= pair[1].logprob));
            assert!(chosen.logprob <= best[0].logprob && chosen.logprob.is_finite());
            tokens.push(chosen.id);
            tops.push(best[0]);
        }
    })
    .unwrap();
    assert!(context.ids()[prompt.len()..].iter().zip(&tokens).all(|(read, chosen)| read == chosen));
    let mut again = smollm2().context();
    again.prefill(&prompt, &Cancel::new(), &mut |_, _| ()).unwrap();
    let scores = again.next_token_scores().unwrap();
    assert_eq!(Distribution::new(&scores).top(1)[0], tops[0]);
}

#[test]
fn a_window_of_a_few_tokens_is_enough_to_load_and_to_run() {
    for window in [1, 2, 5] {
        let (_folder, decoder) = tiny_decoder("llama", window);
        let prompt: Vec<u32> = (0..window).collect();
        let (_, finish) = run(&mut decoder.context(), &prompt, &sampling(3));
        assert_eq!((finish.reason, finish.generated_tokens), (FinishReason::Window, 1), "{window}");
    }
}

#[test]
fn what_is_observed_is_the_same_with_drafts_and_changes_no_answer() {
    let with = |draft_tokens: usize, logprobs: Option<usize>| {
        let sampling = Sampling { temperature: 0.8, seed: 2, draft_tokens, logprobs, ..sampling(60) };
        let mut steps: Vec<Observed> = Vec::new();
        let mut context = smollm2().context();
        generate(&mut context, &repetitive(), &sampling, &Cancel::new(), &mut |event| {
            if let Event::Token(step) = event {
                steps.push(step.clone());
            }
        })
        .unwrap();
        (context.ids().to_vec(), steps)
    };
    let (ids, steps) = with(0, Some(32));
    assert_eq!(with(7, Some(32)), (ids.clone(), steps.clone()));
    let (plain, none) = with(7, None);
    assert_eq!((plain, none.len()), (ids, 0));
    // What was drawn could be drawn under the settings of the answer.
    let sampling = Sampling { temperature: 0.8, ..sampling(60) };
    let mut history = Vec::new();
    for step in &steps {
        let shaped = step.shaped(&sampling, &history);
        assert!(shaped.choices.len() == 32 && shaped.choices[0].probability > 0.0 && shaped.rest < 1.0);
        history.push(step.chosen.id);
    }
}

#[test]
fn times_of_tokens_fall_into_buckets_that_double() {
    let at = |micros: u64| bucket(Duration::from_micros(micros));
    assert_eq!(
        [at(10), at(999), at(1_000), at(1_999), at(2_000), at(4_100), at(2_000_000_000)],
        [0, 0, 1, 1, 2, 3, 11]
    );
}
