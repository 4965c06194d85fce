//! What the demo's pictures show.

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::canvas::{Canvas, Colour, HEIGHT, Point, WIDTH, mix};
use super::{Scene, items};

/// Draws a scene and scales it to its final size.
pub(super) fn draw(seed: u64, scene: Scene, caption: &str) -> RgbImage {
    let mut canvas = Canvas::new(seed);
    match scene {
        Scene::ParkingLot => parking_lot(&mut canvas),
        Scene::Plate => plate(&mut canvas, caption),
        Scene::Storefront => storefront(&mut canvas, caption),
        Scene::Door => door(&mut canvas),
        Scene::Road => road(&mut canvas),
        Scene::BaggedKnife => items::bagged(&mut canvas, caption, items::knife),
        Scene::BaggedPhone => items::bagged(&mut canvas, caption, items::phone),
        Scene::BaggedKeys => items::bagged(&mut canvas, caption, items::keys),
        Scene::BaggedSprayCan => items::bagged(&mut canvas, caption, items::spray_can),
    }
    canvas.finish(26.0);
    imageops::resize(&canvas.into_picture(), WIDTH, HEIGHT, FilterType::CatmullRom)
}

fn parking_lot(canvas: &mut Canvas) {
    canvas.grade(0.0, 250.0, [26, 34, 66], [92, 78, 104]);
    canvas.grade(250.0, 340.0, [92, 78, 104], [224, 142, 92]);
    let mut left = -20.0;
    while left < 980.0 {
        let (width, top) = (canvas.between(70.0, 150.0), canvas.between(215.0, 300.0));
        canvas.rect((left, top), (left + width, 345.0), [30, 30, 42], 1.0);
        let mut y = top + 12.0;
        while y < 320.0 {
            let mut x = left + 10.0;
            while x < left + width - 14.0 {
                if canvas.random() > 0.72 {
                    canvas.rect((x, y), (x + 7.0, y + 9.0), [236, 196, 120], 0.85);
                }
                x += 16.0;
            }
            y += 18.0;
        }
        left += width;
    }
    canvas.grade(340.0, 720.0, [52, 50, 58], [28, 28, 33]);
    canvas.speckle((0.0, 345.0), (960.0, 720.0), 900, [150, 150, 160]);
    for stall in -3_i32..=5 {
        let (far, near) = (400.0 + f64::from(stall) * 90.0, 300.0 + f64::from(stall) * 250.0);
        canvas.polygon(
            &[
                (far, 372.0),
                (far + 5.0, 372.0),
                (near + 16.0, 720.0),
                (near, 720.0),
            ],
            [206, 204, 196],
            0.62,
        );
    }
    car(canvas, 250.0, 470.0, 0.9, [96, 24, 26]);
    car(canvas, 640.0, 455.0, 0.78, [172, 178, 184]);
    canvas.rect((836.0, 90.0), (843.0, 560.0), [22, 22, 26], 1.0);
    canvas.rect((790.0, 86.0), (843.0, 93.0), [22, 22, 26], 1.0);
    canvas.glow((800.0, 98.0), 330.0, [255, 226, 160], 0.75);
    canvas.ellipse((800.0, 98.0), (16.0, 6.0), [255, 248, 226], 1.0);
    canvas.polygon(
        &[(800.0, 98.0), (560.0, 720.0), (960.0, 720.0)],
        [255, 222, 150],
        0.07,
    );
}

/// The back of a car standing on a point.
fn car(canvas: &mut Canvas, x: f64, y: f64, size: f64, paint: Colour) {
    let at = |dx: f64, dy: f64| (x + dx * size, y + dy * size);
    canvas.ellipse(at(0.0, 78.0), (150.0 * size, 20.0 * size), [8, 8, 10], 0.7);
    canvas.polygon(
        &[
            at(-120.0, -10.0),
            at(-92.0, -78.0),
            at(92.0, -78.0),
            at(120.0, -10.0),
        ],
        mix(paint, [0, 0, 0], 0.25),
        1.0,
    );
    canvas.polygon(
        &[
            at(-100.0, -14.0),
            at(-80.0, -68.0),
            at(80.0, -68.0),
            at(100.0, -14.0),
        ],
        [24, 30, 40],
        1.0,
    );
    canvas.polygon(
        &[
            at(-60.0, -14.0),
            at(-20.0, -68.0),
            at(0.0, -68.0),
            at(-30.0, -14.0),
        ],
        [140, 130, 140],
        0.25,
    );
    canvas.polygon(
        &[
            at(-132.0, -8.0),
            at(132.0, -8.0),
            at(138.0, 60.0),
            at(-138.0, 60.0),
        ],
        paint,
        1.0,
    );
    canvas.rect(at(-138.0, 44.0), at(138.0, 64.0), mix(paint, [0, 0, 0], 0.6), 1.0);
    canvas.rect(at(-112.0, 60.0), at(-78.0, 84.0), [12, 12, 14], 1.0);
    canvas.rect(at(78.0, 60.0), at(112.0, 84.0), [12, 12, 14], 1.0);
    for side in [-1.0, 1.0] {
        canvas.rect(
            at(side * 108.0 - 22.0, 0.0),
            at(side * 108.0 + 22.0, 20.0),
            [190, 28, 26],
            1.0,
        );
        canvas.glow(at(side * 108.0, 10.0), 60.0 * size, [255, 60, 40], 0.35);
    }
    canvas.rect(at(-36.0, 14.0), at(36.0, 34.0), [214, 214, 206], 1.0);
}

fn plate(canvas: &mut Canvas, caption: &str) {
    let paint = [44, 58, 82];
    canvas.grade(0.0, 220.0, mix(paint, [255, 255, 255], 0.35), paint);
    canvas.grade(220.0, 720.0, paint, mix(paint, [0, 0, 0], 0.6));
    canvas.polygon(
        &[(0.0, 70.0), (960.0, 40.0), (960.0, 66.0), (0.0, 104.0)],
        [220, 226, 236],
        0.35,
    );
    canvas.rect((0.0, 176.0), (960.0, 182.0), [12, 14, 20], 0.9);
    canvas.rect((160.0, 236.0), (800.0, 556.0), [16, 18, 22], 0.8);
    canvas.rect((180.0, 252.0), (780.0, 540.0), [24, 42, 96], 1.0);
    canvas.rect((188.0, 260.0), (772.0, 532.0), [236, 238, 232], 1.0);
    canvas.rect((188.0, 260.0), (772.0, 312.0), [40, 74, 140], 1.0);
    canvas.text("HARBOR STATE", (480.0, 287.0), 28.0, [244, 246, 250]);
    let letters = f64::from(u32::try_from(caption.chars().count().clamp(1, 12)).unwrap_or(8));
    let size = (540.0 / (letters * 6.0) * 7.0).min(122.0);
    canvas.text(caption, (483.0, 413.0), size, [150, 152, 150]);
    canvas.text(caption, (480.0, 410.0), size, [22, 34, 84]);
    canvas.text("TO SERVE AND RECALL", (480.0, 505.0), 18.0, [70, 92, 140]);
    for (x, y) in [(230.0, 286.0), (730.0, 286.0), (230.0, 506.0), (730.0, 506.0)] {
        canvas.ellipse((x, y), (9.0, 9.0), [120, 122, 124], 1.0);
        canvas.line((x - 6.0, y - 3.0), (x + 6.0, y + 3.0), 2.5, [60, 60, 62], 1.0);
    }
    canvas.speckle((188.0, 440.0), (772.0, 532.0), 160, [110, 96, 70]);
    canvas.speckle((0.0, 560.0), (960.0, 720.0), 420, [120, 110, 90]);
    canvas.rect((0.0, 600.0), (960.0, 720.0), [14, 14, 16], 0.9);
    canvas.glow((330.0, 330.0), 260.0, [255, 255, 255], 0.4);
}

fn storefront(canvas: &mut Canvas, caption: &str) {
    canvas.grade(0.0, 600.0, [34, 30, 38], [52, 44, 46]);
    for row in 0..30_i32 {
        let y = f64::from(row) * 20.0;
        canvas.rect((0.0, y), (960.0, y + 1.5), [22, 18, 22], 0.7);
        for column in 0..25_i32 {
            let x = f64::from(column) * 40.0 + if row % 2 == 0 { 0.0 } else { 20.0 };
            canvas.rect((x, y), (x + 1.5, y + 20.0), [22, 18, 22], 0.7);
        }
    }
    canvas.rect((110.0, 60.0), (850.0, 150.0), [18, 58, 54], 1.0);
    canvas.text(caption, (480.0, 105.0), 40.0, [240, 222, 170]);
    for stripe in 0..20_i32 {
        let left = 110.0 + f64::from(stripe) * 37.0;
        let colour = if stripe % 2 == 0 {
            [168, 60, 52]
        } else {
            [214, 204, 186]
        };
        canvas.polygon(
            &[
                (left, 150.0),
                (left + 37.0, 150.0),
                (left + 33.0, 205.0),
                (left - 4.0, 205.0),
            ],
            colour,
            1.0,
        );
    }
    canvas.rect((130.0, 205.0), (640.0, 560.0), [26, 24, 24], 1.0);
    canvas.rect((142.0, 217.0), (628.0, 548.0), [126, 104, 66], 1.0);
    for shelf in 0..3_i32 {
        let y = 310.0 + f64::from(shelf) * 85.0;
        canvas.rect((150.0, y), (620.0, y + 6.0), [60, 44, 30], 1.0);
        let mut x = 160.0;
        while x < 600.0 {
            let (width, height) = (canvas.between(14.0, 30.0), canvas.between(26.0, 62.0));
            let tint = [
                canvas.between(70.0, 190.0),
                canvas.between(60.0, 150.0),
                canvas.between(50.0, 130.0),
            ];
            let tint = mix([0, 0, 0], [255, 255, 255], tint[0] / 255.0).map(|c| c / 2 + 30);
            canvas.rect((x, y - height), (x + width, y), tint, 1.0);
            x += width + canvas.between(4.0, 22.0);
        }
    }
    let hit = (430.0, 400.0);
    let mut rim = Vec::new();
    for step in 0..14_i32 {
        let angle = f64::from(step) / 14.0 * std::f64::consts::TAU;
        let (radius, reach) = (canvas.between(46.0, 86.0), canvas.between(120.0, 260.0));
        rim.push((hit.0 + radius * angle.cos(), hit.1 + radius * angle.sin()));
        let end = (
            hit.0 + reach * angle.cos(),
            (hit.1 + reach * angle.sin()).clamp(220.0, 546.0),
        );
        let end = (end.0.clamp(144.0, 626.0), end.1);
        canvas.line(hit, end, 1.6, [232, 236, 238], 0.75);
    }
    canvas.polygon(&rim, [14, 12, 14], 0.96);
    canvas.glow((380.0, 300.0), 300.0, [255, 214, 140], 0.3);
    canvas.rect((690.0, 215.0), (840.0, 600.0), [20, 34, 34], 1.0);
    canvas.rect((706.0, 232.0), (824.0, 440.0), [58, 52, 44], 1.0);
    canvas.ellipse((708.0, 480.0), (6.0, 6.0), [190, 170, 110], 1.0);
    canvas.grade(600.0, 720.0, [70, 68, 70], [40, 39, 42]);
    canvas.speckle((200.0, 600.0), (680.0, 690.0), 420, [220, 232, 236]);
    items::marker(canvas, (300.0, 660.0), "1");
    items::marker(canvas, (560.0, 640.0), "2");
}

fn door(canvas: &mut Canvas) {
    canvas.grade(0.0, 720.0, [188, 182, 170], [150, 144, 134]);
    canvas.rect((250.0, 0.0), (960.0, 720.0), [86, 62, 42], 1.0);
    canvas.rect((310.0, 0.0), (960.0, 720.0), [118, 84, 56], 1.0);
    for _ in 0..160 {
        let (x, y, length) = (
            canvas.between(312.0, 960.0),
            canvas.between(0.0, 720.0),
            canvas.between(40.0, 260.0),
        );
        let end = (x + canvas.between(-4.0, 4.0), y + length);
        canvas.line((x, y), end, 1.4, [84, 56, 34], 0.35);
    }
    canvas.rect((520.0, 60.0), (920.0, 300.0), [96, 66, 42], 0.6);
    canvas.rect((520.0, 470.0), (920.0, 720.0), [96, 66, 42], 0.6);
    canvas.rect((344.0, 300.0), (420.0, 520.0), [176, 170, 158], 1.0);
    canvas.ellipse((382.0, 356.0), (17.0, 17.0), [120, 114, 102], 1.0);
    canvas.rect((379.0, 350.0), (385.0, 376.0), [30, 28, 26], 1.0);
    canvas.line((382.0, 440.0), (500.0, 452.0), 24.0, [196, 190, 178], 1.0);
    canvas.line((382.0, 436.0), (500.0, 446.0), 6.0, [236, 232, 224], 0.7);
    for _ in 0..9 {
        let (y, depth) = (canvas.between(330.0, 470.0), canvas.between(14.0, 46.0));
        let thickness = canvas.between(3.0, 9.0);
        let end = (300.0 + depth, y + canvas.between(-10.0, 10.0));
        canvas.line((300.0, y), end, thickness, [222, 190, 140], 0.9);
        canvas.line((302.0, y + 3.0), (300.0 + depth, y + 5.0), 2.0, [50, 32, 20], 0.8);
    }
    canvas.polygon(
        &[(250.0, 360.0), (312.0, 340.0), (318.0, 440.0), (262.0, 452.0)],
        [206, 172, 122],
        0.75,
    );
    items::scale_bar(canvas, (60.0, 470.0), 170.0);
    items::marker(canvas, (150.0, 640.0), "3");
    canvas.glow((330.0, 380.0), 420.0, [255, 250, 236], 0.3);
}

fn road(canvas: &mut Canvas) {
    canvas.grade(0.0, 260.0, [150, 168, 186], [206, 210, 208]);
    let mut left = -30.0;
    while left < 980.0 {
        let (width, top) = (canvas.between(60.0, 130.0), canvas.between(120.0, 220.0));
        let shade = canvas.between(0.0, 0.4);
        canvas.rect(
            (left, top),
            (left + width, 290.0),
            mix([118, 104, 96], [160, 150, 140], shade * 2.5),
            1.0,
        );
        left += width;
    }
    canvas.grade(280.0, 720.0, [108, 108, 110], [66, 66, 70]);
    canvas.polygon(
        &[(0.0, 280.0), (250.0, 280.0), (0.0, 470.0)],
        [146, 142, 136],
        1.0,
    );
    canvas.polygon(
        &[(960.0, 280.0), (710.0, 280.0), (960.0, 470.0)],
        [146, 142, 136],
        1.0,
    );
    canvas.speckle((0.0, 285.0), (960.0, 720.0), 1100, [170, 170, 172]);
    for dash in 0..6_i32 {
        let (near, far) = (0.86_f64.powi(dash * 3), 0.86_f64.powi(dash * 3 + 1));
        let y = |depth: f64| 280.0 + 440.0 * depth;
        canvas.polygon(
            &[
                (480.0 - 14.0 * near, y(near)),
                (480.0 + 14.0 * near, y(near)),
                (480.0 + 14.0 * far, y(far)),
                (480.0 - 14.0 * far, y(far)),
            ],
            [232, 224, 190],
            0.85,
        );
    }
    for offset in [0.0, 150.0] {
        canvas.polygon(
            &[
                (380.0 + offset * 0.3, 330.0),
                (392.0 + offset * 0.3, 330.0),
                (330.0 + offset * 1.6, 700.0),
                (290.0 + offset * 1.6, 700.0),
            ],
            [22, 22, 24],
            0.55,
        );
    }
    for (x, y, size) in [(180.0, 560.0, 1.0), (330.0, 440.0, 0.62), (760.0, 540.0, 0.95)] {
        cone(canvas, (x, y), size);
    }
    items::marker(canvas, (560.0, 620.0), "4");
}

/// A traffic cone standing on a point.
fn cone(canvas: &mut Canvas, (x, y): Point, size: f64) {
    canvas.ellipse((x, y + 4.0), (44.0 * size, 9.0 * size), [20, 20, 22], 0.6);
    canvas.polygon(
        &[
            (x - 34.0 * size, y),
            (x - 7.0 * size, y - 120.0 * size),
            (x + 7.0 * size, y - 120.0 * size),
            (x + 34.0 * size, y),
        ],
        [222, 92, 30],
        1.0,
    );
    canvas.polygon(
        &[
            (x - 23.0 * size, y - 42.0 * size),
            (x - 16.0 * size, y - 76.0 * size),
            (x + 16.0 * size, y - 76.0 * size),
            (x + 23.0 * size, y - 42.0 * size),
        ],
        [238, 236, 230],
        1.0,
    );
}
