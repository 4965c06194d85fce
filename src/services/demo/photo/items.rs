//! Bagged items, scale bars and markers.

use super::canvas::{Canvas, Colour, Point};

/// An item in a clear bag on a bench, with the bag's label and a scale bar.
pub(super) fn bagged(canvas: &mut Canvas, caption: &str, item: fn(&mut Canvas)) {
    canvas.grade(0.0, 720.0, [140, 144, 146], [106, 110, 114]);
    canvas.speckle((0.0, 0.0), (960.0, 720.0), 700, [80, 84, 88]);
    canvas.polygon(
        &[(168.0, 66.0), (806.0, 52.0), (824.0, 600.0), (150.0, 612.0)],
        [40, 42, 46],
        0.35,
    );
    canvas.polygon(
        &[(158.0, 56.0), (798.0, 44.0), (812.0, 590.0), (142.0, 600.0)],
        [226, 230, 232],
        0.72,
    );
    item(canvas);
    for _ in 0..26 {
        let from = (canvas.between(170.0, 780.0), canvas.between(190.0, 580.0));
        let to = (
            from.0 + canvas.between(-90.0, 90.0),
            from.1 + canvas.between(-70.0, 70.0),
        );
        canvas.line(
            from,
            (to.0.clamp(160.0, 790.0), to.1.clamp(180.0, 586.0)),
            2.0,
            [255, 255, 255],
            0.4,
        );
    }
    canvas.polygon(
        &[(159.0, 70.0), (798.0, 58.0), (800.0, 104.0), (158.0, 114.0)],
        [188, 34, 34],
        1.0,
    );
    canvas.text("EVIDENCE   DO NOT OPEN", (480.0, 86.0), 24.0, [250, 240, 236]);
    canvas.rect((520.0, 130.0), (776.0, 214.0), [250, 248, 240], 1.0);
    canvas.text(caption, (648.0, 158.0), 22.0, [26, 26, 30]);
    for bar in 0..52_i32 {
        if canvas.random() > 0.42 {
            let x = 548.0 + f64::from(bar) * 3.9;
            let width = canvas.between(1.2, 3.4);
            canvas.rect((x, 178.0), (x + width, 206.0), [26, 26, 30], 1.0);
        }
    }
    scale_bar(canvas, (200.0, 640.0), 560.0);
    canvas.glow((300.0, 200.0), 380.0, [255, 255, 255], 0.22);
}

/// A ruler with a mark every centimetre and black and white fields.
pub(super) fn scale_bar(canvas: &mut Canvas, (x, y): Point, length: f64) {
    let fields = if length > 300.0 { 14 } else { 5 };
    let field = length / f64::from(fields);
    canvas.rect(
        (x - 8.0, y - 8.0),
        (x + length + 8.0, y + 44.0),
        [248, 247, 242],
        1.0,
    );
    for at in 0..fields {
        let left = x + field * f64::from(at);
        let colour: Colour = if at % 2 == 0 {
            [20, 20, 22]
        } else {
            [248, 247, 242]
        };
        canvas.rect((left, y), (left + field, y + 12.0), colour, 1.0);
        canvas.rect((left, y), (left + 1.5, y + 20.0), [20, 20, 22], 1.0);
        canvas.text(&at.to_string(), (left + 6.0, y + 33.0), 12.0, [20, 20, 22]);
    }
}

/// A yellow tent with a number.
pub(super) fn marker(canvas: &mut Canvas, (x, y): Point, number: &str) {
    canvas.ellipse((x + 6.0, y + 4.0), (44.0, 8.0), [10, 10, 10], 0.5);
    canvas.polygon(
        &[
            (x - 36.0, y),
            (x - 24.0, y - 74.0),
            (x + 24.0, y - 74.0),
            (x + 36.0, y),
        ],
        [240, 200, 30],
        1.0,
    );
    canvas.text(number, (x, y - 36.0), 42.0, [20, 20, 20]);
}

/// A folding knife, open.
pub(super) fn knife(canvas: &mut Canvas) {
    canvas.line((236.0, 432.0), (480.0, 372.0), 44.0, [18, 18, 20], 0.25);
    canvas.polygon(
        &[
            (464.0, 334.0),
            (720.0, 296.0),
            (752.0, 300.0),
            (700.0, 338.0),
            (472.0, 384.0),
        ],
        [168, 174, 180],
        1.0,
    );
    canvas.polygon(
        &[
            (466.0, 346.0),
            (720.0, 304.0),
            (752.0, 300.0),
            (710.0, 322.0),
            (470.0, 366.0),
        ],
        [222, 226, 230],
        1.0,
    );
    canvas.polygon(
        &[
            (226.0, 388.0),
            (470.0, 328.0),
            (482.0, 386.0),
            (240.0, 446.0),
            (216.0, 424.0),
        ],
        [30, 28, 28],
        1.0,
    );
    canvas.line((240.0, 402.0), (460.0, 348.0), 5.0, [74, 70, 68], 0.9);
    for at in [280.0, 350.0, 430.0] {
        canvas.ellipse(
            (at, 398.0 - (at - 280.0) * 0.24),
            (6.0, 6.0),
            [150, 150, 152],
            1.0,
        );
    }
    canvas.speckle((560.0, 306.0), (700.0, 336.0), 40, [92, 40, 26]);
}

/// A phone with a cracked screen.
pub(super) fn phone(canvas: &mut Canvas) {
    canvas.polygon(
        &[(330.0, 238.0), (574.0, 232.0), (590.0, 560.0), (340.0, 566.0)],
        [20, 20, 24],
        0.4,
    );
    canvas.polygon(
        &[(322.0, 230.0), (564.0, 224.0), (580.0, 550.0), (332.0, 556.0)],
        [26, 28, 34],
        1.0,
    );
    canvas.polygon(
        &[(334.0, 246.0), (552.0, 241.0), (566.0, 534.0), (344.0, 540.0)],
        [44, 54, 74],
        1.0,
    );
    canvas.polygon(
        &[(334.0, 246.0), (470.0, 243.0), (370.0, 540.0), (344.0, 540.0)],
        [120, 138, 164],
        0.3,
    );
    let hit = (510.0, 300.0);
    for step in 0..11_i32 {
        let angle = f64::from(step) / 11.0 * std::f64::consts::TAU + canvas.between(-0.2, 0.2);
        let reach = canvas.between(40.0, 150.0);
        let end = (
            (hit.0 + reach * angle.cos()).clamp(340.0, 556.0),
            (hit.1 + reach * angle.sin()).clamp(246.0, 534.0),
        );
        canvas.line(hit, end, 1.6, [214, 222, 232], 0.85);
    }
    canvas.ellipse((446.0, 236.0), (5.0, 5.0), [70, 74, 84], 1.0);
}

/// Three keys on a ring with a fob.
pub(super) fn keys(canvas: &mut Canvas) {
    canvas.ellipse((420.0, 340.0), (52.0, 52.0), [150, 152, 154], 1.0);
    canvas.ellipse((420.0, 340.0), (42.0, 42.0), [214, 218, 220], 1.0);
    for (end, colour) in [
        ((640.0, 310.0), [196, 170, 96]),
        ((620.0, 430.0), [170, 174, 178]),
        ((500.0, 520.0), [186, 160, 90]),
    ] {
        let start = (456.0, 372.0);
        canvas.line(start, end, 20.0, [40, 40, 44], 0.25);
        canvas.ellipse(start, (32.0, 30.0), colour, 1.0);
        canvas.line(start, end, 16.0, colour, 1.0);
        let (dx, dy) = ((end.0 - start.0) / 10.0, (end.1 - start.1) / 10.0);
        for tooth in 5..10_i32 {
            let at = (start.0 + dx * f64::from(tooth), start.1 + dy * f64::from(tooth));
            canvas.ellipse((at.0 - dy * 0.7, at.1 + dx * 0.7), (6.0, 6.0), colour, 1.0);
        }
    }
    canvas.polygon(
        &[
            (250.0, 370.0),
            (372.0, 330.0),
            (388.0, 388.0),
            (270.0, 440.0),
            (240.0, 420.0),
        ],
        [28, 30, 34],
        1.0,
    );
    canvas.ellipse((300.0, 390.0), (16.0, 14.0), [180, 40, 36], 1.0);
}

/// A spray can on its side.
pub(super) fn spray_can(canvas: &mut Canvas) {
    canvas.polygon(
        &[(250.0, 360.0), (610.0, 320.0), (626.0, 456.0), (262.0, 500.0)],
        [20, 20, 24],
        0.3,
    );
    canvas.polygon(
        &[(240.0, 344.0), (600.0, 304.0), (614.0, 436.0), (252.0, 480.0)],
        [54, 62, 128],
        1.0,
    );
    canvas.polygon(
        &[(242.0, 364.0), (602.0, 324.0), (604.0, 348.0), (244.0, 390.0)],
        [150, 158, 214],
        0.7,
    );
    canvas.polygon(
        &[(330.0, 336.0), (500.0, 316.0), (512.0, 448.0), (342.0, 470.0)],
        [228, 226, 218],
        1.0,
    );
    canvas.text("MATT", (420.0, 380.0), 24.0, [40, 44, 90]);
    canvas.text("BLUE", (426.0, 414.0), 24.0, [40, 44, 90]);
    canvas.polygon(
        &[(600.0, 306.0), (650.0, 324.0), (660.0, 404.0), (614.0, 434.0)],
        [176, 180, 184],
        1.0,
    );
    canvas.polygon(
        &[(650.0, 340.0), (684.0, 338.0), (690.0, 386.0), (656.0, 390.0)],
        [240, 240, 238],
        1.0,
    );
    canvas.speckle((640.0, 330.0), (700.0, 400.0), 60, [54, 62, 128]);
}
