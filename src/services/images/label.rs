//! The printed label of an evidence bag: 62 × 29 mm, the common endless-roll size, as an SVG that prints as it is.

use std::fmt::Write;

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// What stands on a label.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// `EVD-2041`; the largest text.
    pub display_id: &'a str,
    /// The case it belongs to, `INV-2026-1847`; may be empty.
    pub case_display_id: &'a str,
    /// What the item is; wrapped to three lines, then cut with an ellipsis.
    pub description: &'a str,
    /// What a scanner reads.
    pub barcode: &'a str,
    /// Who holds the evidence.
    pub agency: &'a str,
    /// A last small line, such as when and by whom it was recovered; may be empty.
    pub footnote: &'a str,
}

/// The barcode is longer than a QR code of medium error correction holds (2,331 bytes).
#[derive(Debug, thiserror::Error)]
#[error("the barcode text does not fit into a QR code")]
pub struct BarcodeTooLong(#[source] QrError);

const QR_MM: f64 = 20.5;
const TEXT_X_MM: f64 = 27.5;
const TEXT_WIDTH_MM: f64 = 32.5;
const DESCRIPTION_LINES_MAX: usize = 3;

/// Draws the label. All texts are escaped; no script, link or font is referred to.
///
/// # Errors
/// [`BarcodeTooLong`].
pub fn label_svg(label: &Label) -> Result<String, BarcodeTooLong> {
    let code =
        QrCode::with_error_correction_level(label.barcode.as_bytes(), EcLevel::M).map_err(BarcodeTooLong)?;
    let mut svg = String::from(concat!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="62mm" height="29mm" viewBox="0 0 62 29">"##,
        r##"<rect width="62" height="29" fill="#fff"/>"##,
        r##"<g fill="#000" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif">"##,
    ));
    draw_code(&mut svg, &code);
    draw_line(&mut svg, 4.9, 2.6, "fill=\"#333\"", label.agency);
    draw_line(&mut svg, 10.6, 5.6, "font-weight=\"700\"", label.display_id);
    draw_line(&mut svg, 13.9, 2.6, "", label.case_display_id);
    let _ = write!(
        svg,
        r##"<rect x="{TEXT_X_MM}" y="15" width="{TEXT_WIDTH_MM}" height=".15"/>"##
    );
    for (line, y) in wrapped(&clean(label.description), 2.5)
        .iter()
        .zip([18.2, 21.1, 24.0])
    {
        draw_text(&mut svg, y, 2.5, "", line);
    }
    draw_line(&mut svg, 26.9, 1.9, "fill=\"#333\"", label.footnote);
    svg.push_str("</g></svg>");
    Ok(svg)
}

/// All dark modules as one path, so that no renderer leaves hairlines between them.
fn draw_code(svg: &mut String, code: &QrCode) {
    let width = code.width();
    let module = QR_MM / f64::from(u16::try_from(width).unwrap_or(u16::MAX));
    let _ = write!(
        svg,
        r##"<path transform="translate(3.6 4.25) scale({module:.5})" shape-rendering="crispEdges" d=""##
    );
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        for run in modules.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let length = run.len();
                let _ = write!(svg, "M{column} {row}h{length}v1h-{length}z");
            }
            column += run.len();
        }
    }
    svg.push_str(r#""/>"#);
}

/// One line: made smaller, down to three quarters, before it is cut.
fn draw_line(svg: &mut String, y: f64, size_mm: f64, style: &str, text: &str) {
    let text = clean(text);
    let share = (TEXT_WIDTH_MM / width_mm(&text, size_mm)).clamp(0.75, 1.0);
    let size_mm = (size_mm * share * 100.0).floor() / 100.0;
    draw_text(svg, y, size_mm, style, &cut(&text, size_mm));
}

fn draw_text(svg: &mut String, y: f64, size_mm: f64, style: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let _ = write!(
        svg,
        r##"<text x="{TEXT_X_MM}" y="{y}" font-size="{size_mm}" {style}>"##
    );
    for c in text.chars() {
        match c {
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            '&' => svg.push_str("&amp;"),
            c => svg.push(c),
        }
    }
    svg.push_str("</text>");
}

/// One line of printable characters: no control or direction characters, single spaces.
fn clean(text: &str) -> String {
    let printable: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fffe}' | '\u{ffff}'))
        .collect();
    printable
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// About how wide a text prints; generous, as the printer's font is not known.
fn width_mm(text: &str, size_mm: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 'I' | 't' | 'f' | 'r' | ' ' | '.' | ',' | ':' | ';' | '\'' | '-' | '('
            | ')' => 0.36,
            'm' | 'w' | 'M' | 'W' | '@' | '%' => 1.0,
            'A'..='Z' => 0.72,
            c if c.is_ascii() => 0.62,
            '…' => 1.0,
            c if u32::from(c) >= 0x2e80 => 1.0,
            _ => 0.7,
        })
        .sum();
    ems * size_mm
}

fn cut(text: &str, size_mm: f64) -> String {
    if width_mm(text, size_mm) <= TEXT_WIDTH_MM {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while kept.pop().is_some() {
        let line = format!("{}…", kept.trim_end_matches([' ', ',', ';']));
        if width_mm(&line, size_mm) <= TEXT_WIDTH_MM {
            return line;
        }
    }
    kept
}

fn wrapped(text: &str, size_mm: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split(' ').peekable();
    while words.peek().is_some() {
        if lines.len() + 1 == DESCRIPTION_LINES_MAX {
            let rest: Vec<&str> = words.by_ref().collect();
            lines.push(cut(&rest.join(" "), size_mm));
            break;
        }
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() {
                (*word).to_owned()
            } else {
                format!("{line} {word}")
            };
            if !line.is_empty() && width_mm(&longer, size_mm) > TEXT_WIDTH_MM {
                break;
            }
            line = longer;
            words.next();
        }
        lines.push(cut(&line, size_mm));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Label, TEXT_WIDTH_MM, label_svg, width_mm, wrapped};

    fn label(description: &str) -> Label<'_> {
        Label {
            display_id: "EVD-2041",
            case_display_id: "INV-2026-1847",
            description,
            barcode: "EVD-2041",
            agency: "Harbor City Police",
            footnote: "",
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let svg = label_svg(&label("</text><script>\u{0}\u{202e}& co")).unwrap();
        assert!(!svg.contains("<script"));
        assert!(!svg.contains('\u{0}') && !svg.contains('\u{202e}'));
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&amp; co"), "{svg}");
    }

    #[test]
    fn a_long_description_is_wrapped_to_three_lines_that_fit() {
        let text = "Folding knife with a black handle, blade 9 cm, brown stains, in a paper bag with a torn corner and a seal";
        let lines = wrapped(text, 2.6);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with('…'));
        assert!(lines.iter().all(|line| width_mm(line, 2.6) <= TEXT_WIDTH_MM));
        let unbroken = wrapped(&"x".repeat(500), 2.6);
        assert!(unbroken.iter().all(|line| width_mm(line, 2.6) <= TEXT_WIDTH_MM));
    }

    #[test]
    fn a_barcode_that_does_not_fit_is_an_error() {
        let barcode = "x".repeat(4000);
        assert!(
            label_svg(&Label {
                barcode: &barcode,
                ..label("a")
            })
            .is_err()
        );
    }
}
