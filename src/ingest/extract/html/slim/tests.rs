use super::*;

#[test]
fn tags_are_bare_and_inline_ones_gone() {
    let page = "<h1 id=x>A <em>b</em></h1><p class=c>one <a href=y>link</a><code class=z>f()</code><img src=p alt='a \"q\" &amp; b'><ol start=3><script>no</script>";
    let wanted = "<!DOCTYPE html><h1>A b</h1><p>one link<code>f()</code><img src=\"-\" alt=\"a &quot;q&quot; &amp; b\"><ol start=3>";
    assert_eq!(Slim::of(page).html, wanted);
}

#[test]
fn what_is_visible_is_what_it_is_for_the_whole_source() {
    let page = "<nav\n>x</nav>\n<main>a &amp; b<!-- c\n --><b>d</b>e<script>\nf</script> 1 < 2</main>\n";
    assert_eq!(Slim::of(page).visible, markup::visible_text(page));
}

#[test]
fn an_element_without_content_ends_at_once() {
    let slim = Slim::of(&"<div/><br/><main/>".repeat(3));
    assert_eq!(slim.html, format!("<!DOCTYPE html>{}", "<div></div><br><main></main>".repeat(3)));
    assert_eq!((slim.deepest, slim.content()), (0, None));
}

#[test]
fn whatever_nests_is_counted() {
    assert_eq!(Slim::of(&"<code>".repeat(1000)).deepest, 1000);
    assert_eq!(Slim::of(&"<b><div>".repeat(1000)).deepest, 1000);
}

#[test]
fn the_only_article_is_the_content() {
    let slim = Slim::of("<p>menu</p><main><nav>x</nav><article class=post><p>all the words</p></article></main>");
    let part = slim.content().unwrap();
    assert_eq!(slim.html[part.html].trim(), "<article><p>all the words</p></article>");
    assert_eq!(slim.visible[part.visible].trim(), "all the words");
}

#[test]
fn a_list_of_articles_is_read_as_its_main_part() {
    let slim = Slim::of("<main><article>one</article><article>two</article></main>");
    assert!(slim.html[slim.content().unwrap().html].contains("two"));
    assert_eq!(Slim::of("<article>one</article><article>two</article>").content(), None);
}

#[test]
fn a_part_with_comments_in_it_is_not_taken_as_it_is() {
    assert_eq!(Slim::of("<article><p>text</p><div id=comments>first!</div></article>").content(), None);
    assert!(Slim::of("<article><p>text</p></article><div id=comments>first!</div>").content().is_some());
}

#[test]
fn a_page_with_a_menu_is_not_plain() {
    assert!(Slim::of("<h1>A</h1><p>text with a <a href=x>link</a> and <a href=y>another</a></p>").is_plain());
    assert!(!Slim::of(&"<li><a href=x>a page</a></li>".repeat(MENU)).is_plain());
    assert!(!Slim::of("<div class='site-header'>x</div><p>text").is_plain());
    assert!(!Slim::of("<div role=navigation>x</div><p>text").is_plain());
    let menu = "<li><a href=x>a page</a></li>".repeat(MENU);
    assert!(Slim::of(&format!("<nav class=menu><div class=sidebar>{menu}</div></nav><p>text")).is_plain());
}
