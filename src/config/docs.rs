//! The reference page of all settings, made from their declaration. A test compares it with `docs/api/config.md`.

use std::fmt::Write;

use crate::config::raw::variable_of;
use crate::config::settings::{SECTIONS, Section, Setting};
use crate::config::value::form;

const INTRODUCTION: &str = "\
# Settings

Made by `blotter docs api`; not edited by hand.

Every setting has a default that works. It can be set in a TOML file (`--config FILE`), as `key = value` below its
`[section]`, or in the environment as the variable beside it, which wins over the file. A list is written `[\"a\", \"b\"]`
in the file and `a,b` in a variable. Names that don't exist are refused, and all faults are told at once; `blotter config check`
tells them without a start, `blotter config print` shows what is set and where it came from. Secrets are never
settings: they are files, and settings name them.
";

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in SECTIONS {
        write_section(&mut page, section).expect("writing to a string doesn't fail");
    }
    page
}

fn write_section(page: &mut String, section: &Section) -> std::fmt::Result {
    writeln!(page, "\n## [{}]\n\n{}\n", section.name, joined(section.about))?;
    writeln!(
        page,
        "| setting | meaning | default | form | variable |\n| --- | --- | --- | --- | --- |"
    )?;
    for setting in section.settings {
        let Setting {
            key, about, default, ..
        } = setting;
        let default = if default.is_empty() {
            "not set".to_owned()
        } else {
            format!("`{default}`")
        };
        let form = form(setting.form, setting.range);
        let variable = variable_of(section.name, key);
        writeln!(
            page,
            "| `{key}` | {} | {default} | {form} | `{variable}` |",
            joined(about)
        )?;
    }
    Ok(())
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn the_reference_in_the_repository_is_the_one_that_the_program_makes() {
        let committed = include_str!("../../docs/api/config.md");
        assert!(
            committed == page(),
            "docs/api/config.md is not up to date: `blotter docs api --to docs/api` writes it"
        );
    }
}
