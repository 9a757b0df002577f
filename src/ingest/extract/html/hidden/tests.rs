//! Text that a style hides, in the ways it is done, and text that only looks as if it were hidden.

use proptest::prelude::*;

use super::*;

/// The words of a page that are left, without tags; enough others are shown that hiding counts.
fn left_of(page: &str) -> String {
    let source = format!("<p>one two three four five six seven eight nine ten</p>{page}");
    let (shown, _) = without(&source);
    let text = markup::visible_text(&shown);
    text.split_whitespace().skip(10).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_style_hides_is_left_out_and_counted() {
    for style in [
        "display:none",
        "DISPLAY : None !important",
        "visibility:hidden",
        "font-size:0",
        "font-size: 0px; color: red",
        "font-size:.1px",
        "opacity:0",
        "opacity: 0.0",
        "color:#fff;background:#FFFFFF",
        "color: white; background-color: rgb(255, 255, 255)",
        "position:absolute; left:-9999px",
        "position:fixed;top:-100em",
        "text-indent:-9999px",
        "display&#58;none",
    ] {
        let page = format!("<p>a <span style=\"{style}\">you must <b>obey</b></span> b</p>");
        assert_eq!(left_of(&page), "a b", "{style}");
    }
    assert_eq!(left_of("<div hidden>you must obey</div> b"), "b");
    assert_eq!(left_of("<p Style=\"display:none\">obey</p><p HIDDEN>obey</p> b"), "b");
    assert_eq!(left_of("<STYLE>.x{display:none}</STYLE><p class=x>obey</p> b"), "b");
    assert_eq!(left_of("<table bgcolor=#ffffff><tr><td><font color=white>obey</font> b</table>"), "b");
    let source = format!("<p>{}</p><p style='display:none'>two words</p>", "shown ".repeat(9));
    assert_eq!(without(&source).1, 2);
}

#[test]
fn what_is_seen_stays() {
    for page in [
        "<p style=\"display:block\">a</p>",
        "<p style=\"opacity:0.5\">a</p>",
        "<p style=\"color:#fff\">a</p>",
        "<p style=\"color:#fff;background:#000\">a</p>",
        "<p style=\"color:#fff;background:url(x.png)\">a</p>",
        "<p style=\"left:-9999px\">a</p>",
        "<p style=\"position:absolute;left:-20px\">a</p>",
        "<p aria-hidden=true>a</p>",
        "<style media=print>.x{display:none}</style><p class=x>a</p>",
        "<!--[if mso]><style>.x{display:none}</style><![endif]--><p class=x>a</p>",
        "<noscript><style>.x{display:none}</style></noscript><p class=x>a</p>",
        "<p style=\"background-image:url(night.jpg);background-color:#fff;color:#fff\">a</p>",
        "<table bgcolor=#fff background=navy.gif><tr><td><font color=#fff>a</table>",
        "<style>td{background:navy}</style><table bgcolor=white><tr><td><font color=white>a</table>",
        "<p style=\"opacity:0;transform:translateY(30px)\">a</p>",
        "<div role=tabpanel hidden>a</div>",
        "<table><tr hidden><td>x<tr><td>a</table>",
        "<p hidden=until-found>a</p>",
        "<p hidden style=display:block>a</p>",
        "<p data-hidden=1 title=\"style='display:none'\">a</p>",
        "<ul style=\"font-size:0\"><li style=\"font-size:16px\">a</li></ul>",
        "<ul style=\"font-size:0\"><li class=\"item\">a</li></ul>",
        "<div style=\"visibility:hidden\"><p style=\"visibility:visible\">a</p></div>",
        "<div style=\"color:#fff;background:#fff\"><p class=dark>a</p></div>",
    ] {
        assert_eq!(left_of(page), "a", "{page}");
    }
}

#[test]
fn plain_rules_of_the_page_hide_and_contested_ones_do_not() {
    let rules = |rules: &str| left_of(&format!("<style>{rules}</style><p class='x y'>obey</p><p id=z>b</p>"));
    assert_eq!(rules(".x{display:none}"), "b");
    assert_eq!(rules("/* .q{ */ .q, .y { position:absolute;\nleft:-999em }"), "b");
    assert_eq!(rules(".x{display:none} #z{visibility:hidden}"), "");
    assert_eq!(rules(".x{display:none} .x{display:block}"), "obey b");
    assert_eq!(rules(".x{display:none} .x.open{display:block}"), "obey b");
    assert_eq!(rules("@media print{.x{display:none}}"), "obey b");
    assert_eq!(rules(".x{display:none} @media (min-width:9em){.x{display:block}}"), "obey b");
    assert_eq!(rules(".x .inner{display:none}"), "obey b");
    assert_eq!(left_of("<style>.x{display:none}</style><p class=x style='display:inline'>a</p>"), "a");
}

#[test]
fn hiding_ends_where_its_element_does() {
    assert_eq!(left_of("<p style='display:none'>x<p>a"), "a");
    assert_eq!(left_of("<ul><li hidden>x<li>a</ul>"), "a");
    assert_eq!(left_of("<table><tr><td hidden>x<td>a<tr><td>b</table>"), "a b");
    assert_eq!(left_of("<div><span hidden>x</div>a"), "a");
    assert_eq!(left_of("<div hidden><div>x</div>x</div>a"), "a");
    assert_eq!(left_of("<p><img hidden><input style='display:none'>a</p>"), "a");
    assert_eq!(left_of("<script>'<div hidden>'</script>a"), "a");
    assert_eq!(left_of("one<div hidden>x</div>word"), "one word");
    assert_eq!(left_of("pass<i hidden>x</i>word"), "password");
}

#[test]
fn what_no_script_would_show_is_left_out_however_much_it_is() {
    let source = format!("<p>one two</p><p style=\"font-size:0\">{}</p>", "obey ".repeat(30));
    let (shown, hidden) = without(&source);
    assert!(hidden == 30 && !shown.contains("obey"), "{hidden}");
}

#[test]
fn a_page_that_a_script_would_show_is_kept() {
    let source = "<div style='opacity:0'><p>the whole of the page</p></div> foot";
    assert_eq!(without(source), (Cow::Borrowed(source), 0));
}

proptest! {
    #[test]
    fn lines_stay_and_nothing_is_added(source in "(<(p|div|li|b)( (style=\"(display:none|font-size:0|x)\"|hidden|class=é|é=\"))?>|</(p|div|li|b)>|[a-c<>é=\"'&;/ ]|\n|word ){0,60}") {
        let (shown, hidden) = without(&source);
        prop_assert_eq!(shown.matches('\n').count(), source.matches('\n').count());
        let words = |text: &str| text.split_whitespace().count();
        prop_assert!(hidden <= words(&source));
        prop_assert!(hidden > 0 || shown == source);
        let mut letters = source.chars();
        prop_assert!(shown.chars().filter(|c| *c != ' ').all(|c| letters.any(|other| other == c)));
    }
}
