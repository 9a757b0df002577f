//! Behavior as lists of messages. No clock, no thread, no terminal.

mod insight;
mod palette;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::answer::{AnswerEvent, FinishKind};
use crate::chat::{CitedNow, Excerpt, Found, Standing};
use crate::jobs::{JobEvent, JobId};
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{self, Harness};
use crate::tui::msg::Msg;
use crate::tui::state::{Focus, Phase, Screen};

fn asked() -> Harness {
    let mut app = Harness::new(110, 30);
    app.type_line("when did I prune the pear tree?");
    app
}

#[test]
fn enter_asks_and_the_answer_is_kept() {
    let mut app = asked();
    assert!(
        matches!(&app.effects[..], [Effect::Ask(JobId(1), request)] if request.question == "when did I prune the pear tree?")
    );
    app.answer(1, fixtures::events());
    assert_eq!(app.state.turns[0].phase, Phase::Done);
    assert!(matches!(app.effects.last(), Some(Effect::SaveConversation(_))));
    assert_eq!(app.state.conversation.turns.len(), 1);
    app.type_line("and the apple?");
    assert!(matches!(app.effects.last(), Some(Effect::Ask(JobId(2), request)) if request.history.len() == 1));
}

#[test]
fn an_empty_line_asks_nothing() {
    let mut app = Harness::new(80, 24);
    app.type_line("   ");
    assert!(app.effects.is_empty() && app.state.turns.is_empty());
}

#[test]
fn escape_stops_in_every_phase_and_what_was_written_is_kept() {
    let events = fixtures::events();
    for steps in 0..events.len() {
        let mut app = asked();
        app.answer(1, events[..steps].to_vec());
        app.key(KeyCode::Esc);
        assert_eq!(
            app.effects.iter().filter(|effect| **effect == Effect::Cancel(JobId(1))).count(),
            1,
            "after {steps} events"
        );
        assert_eq!(app.state.turns[0].phase, Phase::Stopped);
        assert!(app.state.running.is_none());
        let written = !app.state.turns[0].document.source().is_empty();
        assert_eq!(app.state.conversation.turns.len(), usize::from(written));
        if written {
            assert_eq!(app.state.conversation.turns[0].answer.finish, FinishKind::Cancelled);
        }
        // The screen lives on: another escape never quits.
        app.key(KeyCode::Esc);
        assert!(!app.effects.contains(&Effect::Quit));
    }
}

#[test]
fn events_of_a_stopped_answer_change_nothing() {
    let mut app = asked();
    app.answer(1, fixtures::events()[..4].to_vec());
    app.key(KeyCode::Esc);
    let before = app.screen();
    app.effects.clear();
    app.answer(1, fixtures::events());
    app.send(Msg::Job(JobEvent::AnswerFailed(JobId(1), Report { cause: "late".into(), hint: None })));
    assert_eq!(app.screen(), before);
    assert!(app.effects.is_empty());
    app.type_line("and the apple?");
    app.answer(1, vec![AnswerEvent::Text("stale".into())]);
    assert!(!app.screen().contains("stale"));
}

#[test]
fn a_question_during_an_answer_waits_visibly_and_is_asked_next() {
    let mut app = asked();
    app.type_line("and the apple?");
    assert_eq!(app.effects.len(), 1, "only the first question is asked");
    assert!(app.screen().contains("waits for the answer above"));
    app.answer(1, fixtures::events());
    assert!(matches!(app.effects.last(), Some(Effect::Ask(JobId(2), request)) if request.question == "and the apple?"));
}

#[test]
fn stopping_gives_waiting_questions_back() {
    let mut app = asked();
    app.type_line("and the apple?");
    app.text("draft");
    app.key(KeyCode::Esc);
    assert_eq!(app.state.composer.text(), "and the apple?\ndraft");
    assert_eq!(app.state.turns.len(), 1);
}

#[test]
fn a_failure_shows_cause_and_hint_and_the_next_question_goes_on() {
    let mut app = Harness::new(80, 30);
    app.type_line("when did I prune the pear tree?");
    app.type_line("next");
    app.answer(1, fixtures::events()[..3].to_vec());
    app.send(Msg::Job(JobEvent::AnswerFailed(
        JobId(1),
        Report { cause: "the model file is damaged".into(), hint: Some("tanya models pull".into()) },
    )));
    let screen = app.screen();
    assert!(screen.contains("the model file is damaged") && screen.contains("hint: tanya models pull"), "{screen}");
    assert!(screen.contains("garden/2024-spring.md:41"), "what was found stays in sight");
    assert!(matches!(app.effects.last(), Some(Effect::Ask(JobId(2), _))));
}

#[test]
fn ctrl_c_stops_then_clears_then_quits_on_the_second_press() {
    let mut app = asked();
    app.text("draft");
    app.ctrl('c');
    assert_eq!(app.effects.last(), Some(&Effect::Cancel(JobId(1))));
    app.ctrl('c');
    assert!(app.state.composer.is_empty());
    app.ctrl('c');
    assert!(app.screen().contains("ctrl-c again quits"));
    app.wait_ms(2100);
    app.ctrl('c');
    assert!(!app.effects.contains(&Effect::Quit), "two seconds later it is a first press again");
    app.ctrl('c');
    assert_eq!(app.effects.last(), Some(&Effect::Quit));
}

#[test]
fn ctrl_d_quits_only_when_nothing_is_typed() {
    let mut app = Harness::new(80, 24);
    app.text("x");
    app.ctrl('d');
    assert!(app.effects.is_empty());
    app.key(KeyCode::Backspace);
    app.ctrl('d');
    assert_eq!(app.effects, [Effect::Quit]);
}

#[test]
fn the_end_of_the_terminal_stops_and_quits() {
    let mut app = asked();
    app.send(Msg::Terminate);
    assert_eq!(app.effects[1..], [Effect::Cancel(JobId(1)), Effect::Quit]);
}

#[test]
fn a_refusal_offers_the_model_alone_and_marks_what_it_says() {
    let mut app = Harness::new(100, 30);
    app.type_line("what is the capital of Mongolia?");
    app.answer(1, fixtures::refusal());
    assert!(app.screen().contains("enter asks the model anyway"), "{}", app.screen());
    app.key(KeyCode::Enter);
    assert!(
        matches!(app.effects.last(), Some(Effect::Ask(JobId(2), request)) if request.grounds == crate::tui::Grounds::ModelAlone)
    );
    app.answer(2, vec![AnswerEvent::Text("Ulaanbaatar.".into())]);
    let screen = app.screen();
    assert!(screen.contains("asked without the documents"), "{screen}");
    assert!(!screen.contains("enter asks the model anyway"), "the offer is for the last turn only");
}

#[test]
fn an_unknown_command_sends_nothing_and_keeps_the_line() {
    let mut app = Harness::new(120, 24);
    app.type_line("/frobnicate now");
    assert!(app.effects.is_empty());
    assert_eq!(app.state.composer.text(), "/frobnicate now");
    assert!(app.screen().contains("no command is called /frobnicate"));
}

#[test]
fn a_path_is_a_question_and_no_command() {
    let mut app = Harness::new(120, 24);
    app.type_line("/etc/hosts says what?");
    assert!(matches!(&app.effects[..], [Effect::Ask(_, request)] if request.question == "/etc/hosts says what?"));
}

#[test]
fn set_changes_a_setting_or_says_what_it_wants() {
    let mut app = Harness::new(140, 30);
    app.type_line("/set temperature 9");
    assert!(app.effects.is_empty());
    assert!(app.screen().contains("wants a number from 0 to 5"), "{}", app.screen());
    app.ctrl('c');
    app.type_line("/set temperature 0.7");
    assert!(
        matches!(&app.effects[..], [Effect::Configure(settings)] if (settings.sampling.temperature - 0.7).abs() < 1e-6)
    );
    app.type_line("/set top_k");
    assert!(app.screen().contains("only the k likeliest"));
    app.type_line("/set");
    let screen = app.screen();
    assert!(screen.contains("Settings") && screen.contains("0.7"), "{screen}");
}

#[test]
fn the_theme_changes_at_once() {
    let mut app = Harness::new(80, 24);
    app.type_line("/set ascii true");
    app.type_line("hello");
    assert!(!app.screen().contains('─') && app.screen().contains("----"));
}

#[test]
fn tab_completes_a_command_only_when_it_is_certain() {
    let mut app = Harness::new(80, 24);
    app.text("/s");
    app.key(KeyCode::Tab);
    assert_eq!(app.state.composer.text(), "/s");
    app.text("es");
    app.key(KeyCode::Tab);
    assert_eq!(app.state.composer.text(), "/sessions");
}

#[test]
fn a_new_session_starts_empty_and_keeps_the_old_one() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    let first = app.state.conversation.id.clone();
    app.wait_ms(1500);
    app.ctrl('n');
    assert!(app.state.turns.is_empty());
    assert_ne!(app.state.conversation.id, first);
    app.key(KeyCode::Up);
    assert_eq!(app.state.composer.text(), "when did I prune the pear tree?", "history survives");
}

#[test]
fn sessions_are_listed_for_this_folder_and_loaded_with_enter() {
    let mut app = Harness::new(100, 30);
    app.ctrl('r');
    assert_eq!(app.effects, [Effect::ListSessions]);
    app.send(Msg::Job(JobEvent::SessionsListed(fixtures::sessions())));
    assert!(app.screen().contains("1 about other folders"));
    app.key(KeyCode::Down);
    app.key(KeyCode::Enter);
    let Some(Effect::LoadSession(id)) = app.effects.last() else { panic!("{:?}", app.effects) };
    assert_eq!(id.as_str(), "b");
    app.send(Msg::Job(JobEvent::SessionLoaded(Box::new(fixtures::conversation()))));
    assert_eq!(app.state.screen, Screen::Chat);
    assert!(app.screen().contains("when did I prune"));
}

#[test]
fn sources_of_an_earlier_answer_that_changed_are_marked_in_their_own_conversation_alone() {
    let mut app = Harness::new(80, 40);
    let conversation = fixtures::conversation();
    let id = conversation.id.clone();
    app.send(Msg::Job(JobEvent::SessionLoaded(Box::new(conversation))));
    let cited = |n: u32, standing: Standing| CitedNow {
        n,
        path: "garden/2024-spring.md".into(),
        start_line: 42,
        end_line: 43,
        page: None,
        standing,
    };
    let moved = Standing::Moved { now_start_line: 50, now_end_line: 51, now_page: None };
    let found = vec![vec![
        cited(1, moved),
        cited(2, Standing::Changed { difference: vec![] }),
        cited(3, Standing::Gone),
        cited(4, Standing::Unchanged),
    ]];
    let other = crate::chat::SessionId::parse("other").unwrap();
    app.send(Msg::Job(JobEvent::SourcesCompared(other, found.clone())));
    assert!(!app.screen().contains("has changed since"));
    app.send(Msg::Job(JobEvent::SourcesCompared(id, found)));
    let screen = app.screen();
    for line in [
        "[1] garden/2024-spring.md:42–43 stands at 50–51 now",
        "[2] garden/2024-spring.md:42–43 has changed since",
        "[3] garden/2024-spring.md:42–43 is gone",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert!(!screen.contains("[4]"), "{screen}");
}

#[test]
fn an_answer_beyond_the_documents_and_one_with_a_secret_in_it_say_so() {
    let mut app = asked();
    let mut events = fixtures::events();
    let Some(AnswerEvent::Finished(answer)) = events.last_mut() else { panic!("an answer ends") };
    answer.beyond_documents = true;
    answer.filtered = vec![crate::answer::Filtered { kind: "api key".into(), start: 0, end: 3 }];
    app.answer(1, events);
    let screen = app.screen();
    assert!(screen.contains("Beyond your documents: they support no sentence of this."), "{screen}");
    assert!(screen.contains("Careful, this holds what looks like: api key."), "{screen}");
}

#[test]
fn a_finished_answer_is_kept_with_its_receipt() {
    let mut app = asked();
    let mut events = fixtures::events();
    let Some(AnswerEvent::Finished(answer)) = events.last_mut() else { panic!("an answer ends") };
    answer.trace = Some(Box::default());
    app.answer(1, events);
    let saved = app.effects.iter().find_map(|effect| match effect {
        Effect::SaveConversation(conversation) => conversation.turns.last(),
        _ => None,
    });
    let turn = saved.expect("it is saved");
    assert!(turn.receipt.as_ref().is_some_and(|receipt| receipt.program == env!("CARGO_PKG_VERSION")), "{turn:?}");
    assert_eq!(turn.answer.trace, None, "nothing is kept twice");
}

#[test]
fn reading_above_is_not_moved_by_new_text() {
    let mut app = Harness::new(80, 24);
    for index in 0..6 {
        app.type_line(&format!("question {index}"));
        app.answer(index + 1, fixtures::events());
    }
    app.type_line("the last one");
    app.answer(7, fixtures::events()[..4].to_vec());
    assert!(app.state.scroll.follow);
    app.key(KeyCode::PageUp);
    let before = app.body();
    app.answer(7, vec![AnswerEvent::Text("More.\n\nAnd more.\n\nAnd more.\n\n".into())]);
    assert_eq!(app.body(), before);
    assert!(app.screen().contains("new lines"), "{}", app.screen());
    app.key(KeyCode::PageDown);
    app.key(KeyCode::PageDown);
    assert!(app.state.scroll.follow, "reaching the end follows again");
}

#[test]
fn another_width_keeps_the_text_that_is_read() {
    let mut app = Harness::new(120, 24);
    app.type_line("long");
    let text: Vec<String> = (0..80).map(|n| format!("Sentence number {n} stands here and takes some room.")).collect();
    app.answer(1, vec![AnswerEvent::Text(text.join("\n\n"))]);
    app.key(KeyCode::PageUp);
    app.key(KeyCode::PageUp);
    let first = |app: &mut Harness| {
        app.body().lines().find(|line| line.contains("Sentence")).map(|line| line.trim()[..19].to_owned()).unwrap()
    };
    let before = first(&mut app);
    for width in [60, 45, 99, 200] {
        app.resize(width, 24);
        assert_eq!(first(&mut app), before, "at {width} columns");
    }
}

#[test]
fn brackets_walk_the_citations_and_enter_opens_the_passage() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    app.type_line("again");
    app.answer(2, fixtures::events());
    app.key(KeyCode::Char('['));
    assert_eq!(app.state.cited.map(|cited| (cited.turn, cited.index)), Some((1, 1)));
    app.key(KeyCode::Char('['));
    app.key(KeyCode::Char('['));
    assert_eq!(app.state.cited.map(|cited| (cited.turn, cited.index)), Some((0, 1)));
    app.key(KeyCode::Char(']'));
    assert_eq!(app.state.cited.map(|cited| (cited.turn, cited.index)), Some((1, 0)));
    app.key(KeyCode::Enter);
    assert!(matches!(app.state.screen, Screen::Passage(_)));
    assert!(app.screen().contains("garden/2024-spring.md:41"), "{}", app.screen());
    app.key(KeyCode::Esc);
    assert_eq!(app.state.screen, Screen::Chat);
    app.key(KeyCode::Esc);
    assert!(app.state.cited.is_none());
    app.text("what about [this]");
    assert_eq!(app.state.composer.text(), "what about [this]", "brackets are text while one types");
}

#[test]
fn tab_walks_the_panes_and_typing_comes_back() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    app.key(KeyCode::Tab);
    assert_eq!(app.state.focus, Focus::Transcript);
    app.key(KeyCode::Tab);
    assert_eq!(app.state.focus, Focus::Sources);
    app.key(KeyCode::Down);
    app.key(KeyCode::Enter);
    assert!(app.screen().contains("2  garden/2024-spring.md:52"), "{}", app.screen());
    app.key(KeyCode::Esc);
    app.key(KeyCode::Char('x'));
    assert_eq!((app.state.focus, app.state.composer.text().as_str()), (Focus::Composer, "x"));
}

#[test]
fn a_question_mark_is_help_only_when_nothing_is_typed() {
    let mut app = Harness::new(80, 24);
    app.text("why?");
    assert_eq!(app.state.screen, Screen::Chat);
    app.ctrl('u');
    app.key(KeyCode::Char('?'));
    assert!(matches!(app.state.screen, Screen::Help(_)));
    app.key(KeyCode::Esc);
    assert_eq!(app.state.screen, Screen::Chat);
}

#[test]
fn history_and_line_breaks() {
    let mut app = Harness::new(80, 24);
    for line in ["one", "two"] {
        app.type_line(line);
        app.key(KeyCode::Esc);
    }
    app.text("dra");
    app.send(Msg::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT)));
    app.text("ft");
    assert_eq!(app.state.composer.text(), "dra\nft");
    app.key(KeyCode::Up);
    app.key(KeyCode::Up);
    assert_eq!(app.state.composer.text(), "two");
    app.key(KeyCode::Up);
    assert_eq!(app.state.composer.text(), "one");
    app.key(KeyCode::Down);
    app.key(KeyCode::Down);
    assert_eq!(app.state.composer.text(), "dra\nft");
}

#[test]
fn a_paste_is_never_sent_by_itself() {
    let mut app = Harness::new(80, 24);
    app.send(Msg::Paste("one\ntwo\n/quit\n".into()));
    assert!(app.effects.is_empty());
    assert_eq!(app.state.composer.text(), "one\ntwo\n/quit\n");
}

#[test]
fn nothing_wakes_an_idle_screen() {
    let mut app = asked();
    assert!(app.state.next_wake().is_some(), "a spinner turns while it searches");
    app.answer(1, fixtures::events());
    assert_eq!(app.state.next_wake(), None);
    app.send(Msg::Job(JobEvent::Notice("the index was rebuilt".into())));
    let wake = app.state.next_wake().unwrap();
    app.at(wake, Msg::Tick);
    assert_eq!(app.state.next_wake(), None);
    assert!(!app.screen().contains("rebuilt"));
}

#[test]
fn a_long_transcript_costs_no_more_than_a_short_one() {
    let mut app = Harness::new(100, 30);
    let mut conversation = fixtures::conversation();
    let turn = conversation.turns[0].clone();
    conversation.turns = vec![turn; 2000];
    app.send(Msg::Job(JobEvent::SessionLoaded(Box::new(conversation))));
    app.screen();
    let laid = app.state.turns.iter().filter(|turn| turn.laid.is_some()).count();
    assert!(laid < 8, "{laid} turns were laid out for one screen");
}

#[test]
fn the_last_answer_is_printed_at_the_end() {
    let mut app = asked();
    assert_eq!(app.state.farewell(), None);
    app.answer(1, fixtures::events());
    let farewell = app.state.farewell().unwrap();
    assert!(farewell.starts_with("> when did I prune the pear tree?\n\nYou pruned it"), "{farewell}");
    assert!(farewell.contains("[1] garden/2024-spring.md:41-44"), "{farewell}");
    assert!(!farewell.contains("[3]"), "an uncited source is not listed");
}

#[test]
fn every_size_draws() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    for (width, height) in [(1, 1), (2, 40), (300, 1), (39, 10), (40, 9), (40, 10), (99, 11), (100, 10), (500, 200)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| crate::tui::view::draw(&mut app.state, frame)).unwrap();
        let text = crate::tui::fixtures::text(terminal.backend().buffer());
        assert_eq!(
            text.contains("tanya needs"),
            width >= 17 && (width < 40 || height < 10),
            "{width}x{height}\n{text}"
        );
    }
}

#[test]
fn a_question_behind_the_command_is_asked_of_the_whole_folder_and_its_progress_shows() {
    let mut app = Harness::new(110, 30);
    app.type_line("/whole birds I saw");
    let whole = crate::tui::Grounds::WholeFolder;
    assert!(
        matches!(&app.effects[..], [Effect::Ask(JobId(1), request)] if request.question == "birds I saw" && request.grounds == whole)
    );
    app.answer(1, vec![AnswerEvent::Reading { done: 40, total: 102, seconds_left: 3 }]);
    assert_eq!(app.state.turns[0].phase, Phase::ReadingAll { done: 40, total: 102, seconds_left: 3 });
    assert!(app.dump().contains("reading everything  40 of 102 sections"), "{}", app.dump());
    app.type_line("/whole wheels");
    app.key(KeyCode::Esc);
    assert_eq!(app.state.composer.text(), "/whole wheels", "what waited can be sent again as it was");
    let mut app = Harness::new(110, 30);
    app.type_line("/whole");
    assert!(app.effects.is_empty() && app.state.turns.is_empty());
}

fn listed() -> Harness {
    let mut app = Harness::new(100, 30);
    app.ctrl('r');
    app.send(Msg::Job(JobEvent::SessionsListed(fixtures::sessions())));
    app.effects.clear();
    app
}

#[test]
fn typing_after_a_slash_searches_the_text_of_conversations() {
    let mut app = listed();
    app.text("/seed");
    let searched: Vec<&str> = app
        .effects
        .iter()
        .map(|effect| if let Effect::SearchSessions(text) = effect { text.as_str() } else { panic!("{effect:?}") })
        .collect();
    assert_eq!(searched, ["s", "se", "see", "seed"]);
    let found = |text: &str, excerpt: &str| {
        let session = fixtures::sessions().remove(2);
        let excerpts = vec![Excerpt { turn: 1, text: excerpt.into() }];
        Msg::Job(JobEvent::SessionsFound { text: text.into(), found: vec![Found { session, excerpts }] })
    };
    app.send(found("see", "stale"));
    assert!(app.screen().contains("No conversation holds these words"), "{}", app.screen());
    app.send(found("seed", "lettuce and celery germinate in the light"));
    let screen = app.screen();
    assert!(screen.contains("search: seed_") && screen.contains("lettuce and celery"), "{screen}");
    assert!(!screen.contains("what did the roof cost?"), "{screen}");
    app.key(KeyCode::Enter);
    assert!(matches!(app.effects.last(), Some(Effect::LoadSession(id)) if id.as_str() == "b"));
}

#[test]
fn escape_leaves_the_search_then_the_list() {
    let mut app = listed();
    app.text("/x");
    app.key(KeyCode::Esc);
    assert!(app.screen().contains("what did the roof cost?"), "all are listed again");
    app.key(KeyCode::Esc);
    assert_eq!(app.state.screen, Screen::Chat);
}

#[test]
fn a_conversation_is_named() {
    let mut app = listed();
    app.key(KeyCode::Down);
    app.text("r");
    assert!(app.screen().contains("name: which seeds germinate in the dark?_"), "{}", app.screen());
    app.ctrl('u');
    app.key(KeyCode::Enter);
    assert!(app.effects.is_empty(), "no name is no name");
    app.text("r");
    app.ctrl('w');
    app.send(Msg::Paste("light\n\u{1b}[31m".into()));
    app.key(KeyCode::Enter);
    let [Effect::RenameSession(id, name), Effect::ListSessions] = &app.effects[..] else { panic!("{:?}", app.effects) };
    assert_eq!((id.as_str(), name.as_str()), ("b", "which seeds germinate in the light ␛[31m"));
}

#[test]
fn a_conversation_is_deleted_only_after_a_yes() {
    let mut app = listed();
    app.text("d");
    assert!(app.screen().contains("for good? y / n"), "{}", app.screen());
    app.text("n");
    app.key(KeyCode::Enter);
    assert!(!app.effects.iter().any(|effect| matches!(effect, Effect::RemoveSession(_))));
    let mut app = listed();
    app.text("dy");
    assert!(matches!(&app.effects[..], [Effect::RemoveSession(id), Effect::ListSessions] if id.as_str() == "a"));
}

#[test]
fn the_conversation_on_the_screen_does_not_come_back_after_its_deletion() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    let id = app.state.conversation.id.clone();
    app.ctrl('r');
    let mut list = fixtures::sessions();
    list[0].id = id.clone();
    app.send(Msg::Job(JobEvent::SessionsListed(list)));
    app.effects.clear();
    app.wait_ms(1000);
    app.text("dy");
    assert_eq!(app.effects[0], Effect::RemoveSession(id.clone()));
    assert!(matches!(app.state.screen, Screen::Sessions(_)));
    app.key(KeyCode::Esc);
    assert!(app.state.turns.is_empty() && app.state.conversation.id != id);
}

#[test]
fn a_conversation_is_exported() {
    let mut app = listed();
    app.text("e");
    assert!(matches!(&app.effects[..], [Effect::ExportSession(id)] if id.as_str() == "a"));
}

/// Three questions, the second of which failed; the keys go to the answers.
fn three() -> Harness {
    let mut app = Harness::new(110, 40);
    app.type_line("first?");
    app.answer(1, fixtures::events());
    app.type_line("second?");
    app.send(Msg::Job(JobEvent::AnswerFailed(JobId(2), Report { cause: "no model".into(), hint: None })));
    app.type_line("third?");
    app.answer(3, fixtures::events());
    app.key(KeyCode::Tab);
    app.effects.clear();
    app.wait_ms(1000);
    app
}

#[test]
fn a_branch_goes_on_from_the_selected_turn_and_the_other_conversation_is_kept() {
    let mut app = three();
    let old = app.state.conversation.clone();
    app.text("{{{");
    assert!(app.screen().lines().any(|line| line.starts_with(" ▸ first?")), "{}", app.screen());
    app.text("b");
    assert_eq!((app.state.turns.len(), app.state.conversation.turns.len()), (1, 1));
    assert_ne!(app.state.conversation.id, old.id);
    assert!(app.effects.is_empty(), "it is kept with its next answer");
    app.type_line("other?");
    app.answer(4, fixtures::events());
    let Some(Effect::SaveConversation(kept)) = app.effects.last() else { panic!("{:?}", app.effects) };
    let questions: Vec<&str> = kept.turns.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!((questions, &kept.id), (vec!["first?", "other?"], &app.state.conversation.id));
}

#[test]
fn an_edited_question_comes_back_into_the_composer_without_what_followed_it() {
    let mut app = three();
    app.key(KeyCode::BackTab);
    app.text("draft");
    app.key(KeyCode::Tab);
    app.text("e");
    assert_eq!((app.state.focus, app.state.composer.text().as_str()), (Focus::Composer, "third?"));
    let questions: Vec<&str> = app.state.turns.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(questions, ["first?"], "what failed is no part of a conversation");
    app.key(KeyCode::Up);
    assert_eq!(app.state.composer.text(), "draft", "what was typed is in the history");
}

#[test]
fn branching_off_stops_the_answer_being_made() {
    let mut app = asked();
    app.answer(1, fixtures::events()[..3].to_vec());
    app.key(KeyCode::Tab);
    app.text("e");
    assert!(app.effects.contains(&Effect::Cancel(JobId(1))));
    assert!(app.state.running.is_none() && app.state.turns.is_empty());
    app.answer(1, fixtures::events());
    assert!(app.state.turns.is_empty());
}

#[test]
fn the_cited_file_is_opened_at_its_line_and_the_quote_copied_from_where_keys_are_not_typed() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    app.key(KeyCode::Char(']'));
    app.text("oy");
    assert_eq!(app.state.composer.text(), "oy", "a question can begin with any letter");
    app.ctrl('u');
    app.effects.clear();
    app.key(KeyCode::Enter);
    app.text("o");
    let Some(Effect::Open(target)) = app.effects.last() else { panic!("{:?}", app.effects) };
    assert_eq!((target.path.as_str(), target.line, target.page), ("garden/2024-spring.md", 42, None));
    assert_eq!(target.folder, "/home/me/notes");
    app.text("y");
    assert!(matches!(app.effects.last(), Some(Effect::Copy(sequence)) if sequence.starts_with("\u{1b}]52;c;")));
    assert!(app.screen().contains("copied, with its source"), "{}", app.screen());
}

#[test]
fn without_a_selected_citation_nothing_is_opened() {
    let mut app = asked();
    app.answer(1, fixtures::events());
    app.key(KeyCode::Tab);
    app.effects.clear();
    app.text("oy");
    assert!(app.effects.is_empty());
    assert!(app.screen().contains("select a citation first"), "{}", app.screen());
}

#[test]
fn a_number_asks_a_suggested_question_only_before_the_first_one() {
    let mut app = Harness::new(100, 30);
    app.state.suggestions = vec!["Who carried the oil?".into()];
    assert!(app.screen().contains("1  Who carried the oil?"), "{}", app.screen());
    app.text("2");
    assert_eq!(app.state.composer.text(), "2", "there is no second one");
    app.text("1");
    assert_eq!(app.state.composer.text(), "21", "something is typed");
    app.ctrl('u');
    app.text("1");
    assert!(matches!(&app.effects[..], [Effect::Ask(_, request)] if request.question == "Who carried the oil?"));
    app.answer(1, fixtures::events());
    app.text("1");
    assert_eq!(app.state.composer.text(), "1");
}

#[test]
fn a_click_selects_the_citation_under_it_and_the_wheel_scrolls() {
    let mut app = Harness::new(110, 24);
    for index in 1..=4 {
        app.type_line(&format!("question {index}"));
        app.answer(index, fixtures::events());
    }
    let screen = app.screen();
    let (row, line) = screen.lines().enumerate().filter(|(_, line)| line.contains('²')).last().unwrap();
    let column = line.chars().position(|c| c == '²').unwrap();
    app.send(Msg::Click { column: column as u16, row: row as u16 });
    assert_eq!(app.state.cited.map(|cited| (cited.turn, cited.index)), Some((3, 1)), "{screen}");
    app.send(Msg::Click { column: 0, row: 2 });
    app.send(Msg::Click { column: 109, row: 23 });
    assert_eq!(app.state.cited.map(|cited| (cited.turn, cited.index)), Some((3, 1)), "elsewhere it means nothing");
    app.send(Msg::Wheel(-1));
    assert!(!app.state.scroll.follow);
    app.send(Msg::Wheel(1));
    assert!(app.state.scroll.follow);
}
