//! A few strokes of drawing: flat and graded areas, polygons, lines, glows, dots, text and grain.

use image::RgbImage;

use super::font;

/// Drawn at twice the size and scaled down: that smooths every edge.
pub(super) const SCALE: f64 = 2.0;
/// The finished picture, pixels across. All coordinates below are in these pixels.
pub(super) const WIDTH: u32 = 960;
/// Pixels down.
pub(super) const HEIGHT: u32 = 720;

/// Red, green, blue.
pub(super) type Colour = [u8; 3];
/// Across, down.
pub(super) type Point = (f64, f64);

/// The sheet that is drawn on.
pub(super) struct Canvas {
    picture: RgbImage,
    random: u64,
}

impl Canvas {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            picture: RgbImage::new(WIDTH * 2, HEIGHT * 2),
            random: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The sheet at its double size.
    pub(super) fn into_picture(self) -> RgbImage {
        self.picture
    }

    /// The next number of the seed's row (splitmix64), from 0 to below 1.
    pub(super) fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let top = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(top) / 4_294_967_296.0
    }

    /// A number between two.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.random() * (high - low)
    }

    /// From one colour at the top to another at the bottom, over the whole width.
    pub(super) fn grade(&mut self, top: f64, bottom: f64, from: Colour, to: Colour) {
        for y in pixels(top, bottom, self.picture.height()) {
            let share = (f64::from(y) / SCALE - top) / (bottom - top);
            let colour = mix(from, to, share);
            for x in 0..self.picture.width() {
                self.picture.put_pixel(x, y, image::Rgb(colour));
            }
        }
    }

    /// An upright rectangle.
    pub(super) fn rect(&mut self, (left, top): Point, (right, bottom): Point, colour: Colour, opacity: f64) {
        self.polygon(
            &[(left, top), (right, top), (right, bottom), (left, bottom)],
            colour,
            opacity,
        );
    }

    /// A filled shape.
    pub(super) fn polygon(&mut self, corners: &[Point], colour: Colour, opacity: f64) {
        let (top, bottom) = corners
            .iter()
            .fold((f64::MAX, f64::MIN), |(top, bottom), corner| {
                (top.min(corner.1), bottom.max(corner.1))
            });
        for y in pixels(top, bottom, self.picture.height()) {
            let at = (f64::from(y) + 0.5) / SCALE;
            let mut crossings: Vec<f64> = corners
                .iter()
                .zip(corners.iter().cycle().skip(1))
                .filter(|(a, b)| (a.1 <= at) != (b.1 <= at))
                .map(|(a, b)| a.0 + (at - a.1) / (b.1 - a.1) * (b.0 - a.0))
                .collect();
            crossings.sort_by(f64::total_cmp);
            for span in crossings.chunks_exact(2) {
                for x in pixels(span[0], span[1], self.picture.width()) {
                    self.blend(x, y, colour, opacity);
                }
            }
        }
    }

    /// A straight stroke.
    pub(super) fn line(&mut self, from: Point, to: Point, thickness: f64, colour: Colour, opacity: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(0.001);
        let (nx, ny) = (-dy / length * thickness / 2.0, dx / length * thickness / 2.0);
        self.polygon(
            &[
                (from.0 + nx, from.1 + ny),
                (to.0 + nx, to.1 + ny),
                (to.0 - nx, to.1 - ny),
                (from.0 - nx, from.1 - ny),
            ],
            colour,
            opacity,
        );
    }

    /// A filled ellipse.
    pub(super) fn ellipse(&mut self, (x, y): Point, (across, down): Point, colour: Colour, opacity: f64) {
        let corners: Vec<Point> = (0..48)
            .map(|step| {
                let angle = f64::from(step) / 48.0 * std::f64::consts::TAU;
                (x + across * angle.cos(), y + down * angle.sin())
            })
            .collect();
        self.polygon(&corners, colour, opacity);
    }

    /// Light that falls off with the distance from its middle.
    pub(super) fn glow(&mut self, (x, y): Point, radius: f64, colour: Colour, strength: f64) {
        for py in pixels(y - radius, y + radius, self.picture.height()) {
            for px in pixels(x - radius, x + radius, self.picture.width()) {
                let distance = (f64::from(px) / SCALE - x).hypot(f64::from(py) / SCALE - y) / radius;
                if distance < 1.0 {
                    self.blend(px, py, colour, strength * (1.0 - distance).powi(2));
                }
            }
        }
    }

    /// Capital letters, centred on a point; `size` is the height of a letter.
    pub(super) fn text(&mut self, text: &str, (x, y): Point, size: f64, colour: Colour) {
        let dot = size / 7.0;
        let letters = text.chars().count();
        let width = f64::from(u32::try_from(letters).unwrap_or(0)) * 6.0 * dot - dot;
        let mut left = x - width / 2.0;
        let top = y - size / 2.0;
        for c in text.chars() {
            for (column, bits) in (0_u32..).zip(font::glyph(c).unwrap_or_default()) {
                for row in (0..7_u32).filter(|row| bits >> row & 1 == 1) {
                    let corner = (left + f64::from(column) * dot, top + f64::from(row) * dot);
                    self.rect(
                        corner,
                        (corner.0 + dot * 1.06, corner.1 + dot * 1.06),
                        colour,
                        1.0,
                    );
                }
            }
            left += 6.0 * dot;
        }
    }

    /// Speckles over an area, as on asphalt or cloth.
    pub(super) fn speckle(&mut self, (left, top): Point, (right, bottom): Point, count: u32, colour: Colour) {
        for _ in 0..count {
            let (x, y) = (self.between(left, right), self.between(top, bottom));
            let size = self.between(0.6, 2.4);
            let opacity = self.between(0.05, 0.3);
            self.ellipse((x, y), (size, size * 0.6), colour, opacity);
        }
    }

    /// The grain and the darker corners of a small lens.
    pub(super) fn finish(&mut self, grain: f64) {
        let (width, height) = (f64::from(self.picture.width()), f64::from(self.picture.height()));
        for y in 0..self.picture.height() {
            for x in 0..self.picture.width() {
                let noise = (self.random() - 0.5) * grain;
                let corner = ((f64::from(x) / width - 0.5).hypot(f64::from(y) / height - 0.5) * 1.35).powi(3);
                let pixel = self.picture.get_pixel_mut(x, y);
                for channel in &mut pixel.0 {
                    *channel = byte(f64::from(*channel) * (1.0 - corner * 0.55) + noise);
                }
            }
        }
    }

    fn blend(&mut self, x: u32, y: u32, colour: Colour, opacity: f64) {
        let pixel = self.picture.get_pixel_mut(x, y);
        pixel.0 = mix(pixel.0, colour, opacity);
    }
}

/// Whole pixels of the double-sized sheet between two coordinates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the sheet just before"
)]
fn pixels(from: f64, to: f64, edge: u32) -> std::ops::Range<u32> {
    let clamp = |value: f64| (value * SCALE).round().clamp(0.0, f64::from(edge)) as u32;
    clamp(from)..clamp(to)
}

/// A colour between two.
pub(super) fn mix(from: Colour, to: Colour, share: f64) -> Colour {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|at| byte(f64::from(from[at]) * (1.0 - share) + f64::from(to[at]) * share))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a byte just before"
)]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
