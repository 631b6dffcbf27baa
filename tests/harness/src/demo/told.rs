//! How the story looks: plain text that reads well in a build log too; colours on a terminal only (and not with `NO_COLOR`).

use std::time::Duration;

use console::{Term, style};

/// Where the text of a step begins.
const INDENT: usize = 6;
/// Where what is expected and observed begins.
const HANGING: usize = INDENT + 10;

pub(super) fn act(number: usize, title: &str) {
    println!("\n{}", style(format!("Act {number}: {title}")).bold().underlined());
}

pub(super) fn step(number: usize, of: usize, who: &str, does: &str) {
    println!(
        "\n{} {}",
        style(format!("[{number}/{of}] {who}")).bold().cyan(),
        style(does).bold()
    );
}

pub(super) fn remark(text: &str) {
    hang("", text, INDENT);
}

/// A command, as a person would type it.
pub(super) fn command(text: &str) {
    println!("{:INDENT$}{}", "", style(format!("$ {text}")).dim());
}

/// What a command printed, or was given to read.
pub(super) fn lines(text: &str) {
    for line in text.trim_end().lines() {
        println!("{:INDENT$}  {line}", "");
    }
}

pub(super) fn expected(text: &str) {
    hang("expected", text, HANGING);
}

pub(super) fn observed(text: &str) {
    hang("observed", text, HANGING);
}

pub(super) fn mismatch(text: &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    println!("{:INDENT$}{}  {first}", "", style("MISMATCH").bold().red());
    lines(rest);
}

pub(super) fn time(took: Duration) {
    println!(
        "{:INDENT$}{}        {:.1} s",
        "",
        style("ok").bold().green(),
        took.as_secs_f64()
    );
}

pub(super) fn done(story: Duration, setting: Duration) {
    println!(
        "{} The story took {:.1} s, starting the servers before it {:.1} s.",
        style("All of it is as expected.").bold().green(),
        story.as_secs_f64(),
        setting.as_secs_f64()
    );
}

pub(super) fn blank() {
    println!();
}

/// A label, and a text beside it that stays in its column.
fn hang(label: &str, text: &str, column: usize) {
    let width = Term::stdout()
        .size_checked()
        .map_or(120, |(_, columns)| usize::from(columns));
    let mut lines = wrapped(text, width.saturating_sub(column).max(40)).into_iter();
    println!(
        "{:INDENT$}{label:<hanging$}{}",
        "",
        lines.next().unwrap_or_default(),
        hanging = column - INDENT
    );
    for line in lines {
        println!("{:column$}{line}", "");
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            wrapped("one volume, many namespaces", 12),
            ["one volume,", "many", "namespaces"]
        );
        assert_eq!(wrapped("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
