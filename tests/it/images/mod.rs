//! Pictures: recognised, described, scaled down, and never trusted.

use blotter::services::demo::photo::{DemoExif, Scene, write_demo_photo};
use blotter::services::images::label::{Label, label_svg};
use blotter::services::images::{DecodeLimits, ImageError, MediaType, inspect, thumbnail};
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, RgbImage, RgbaImage};

fn exif() -> DemoExif {
    DemoExif {
        taken_at: Some("2026-03-17T21:14:22".into()),
        taken_offset: Some("-04:00".into()),
        place: Some((40.575_54, -73.961_2)),
        direction_degrees: Some(212.5),
        device_make: "Northlight".into(),
        device_model: "Fieldcam 3".into(),
        orientation: 1,
    }
}

/// A drawn photo with what a device writes.
pub(crate) fn photo(scene: Scene, caption: &str) -> Vec<u8> {
    write_demo_photo(7, scene, caption, &exif()).expect("a demo photo is drawn")
}

#[test]
fn a_photo_tells_when_where_and_with_what_it_was_taken() {
    let inspected = inspect(&photo(Scene::Plate, "KTR-4471")).unwrap();
    assert_eq!(inspected.media_type, MediaType::Jpeg);
    assert_eq!((inspected.width, inspected.height), (Some(960), Some(720)));
    let capture = inspected.capture;
    assert_eq!(capture.taken_at.as_deref(), Some("2026-03-17T21:14:22"));
    assert_eq!(capture.taken_offset.as_deref(), Some("-04:00"));
    assert!((capture.latitude.unwrap() - 40.575_54).abs() < 1e-6);
    assert!((capture.longitude.unwrap() + 73.961_2).abs() < 1e-6);
    assert_eq!(capture.direction_degrees, Some(212.5));
    assert_eq!(capture.device_make.as_deref(), Some("Northlight"));
    assert_eq!(capture.device_model.as_deref(), Some("Fieldcam 3"));
    assert_eq!(capture.orientation, Some(1));
}

#[test]
fn a_thumbnail_is_small_and_holds_no_metadata() {
    let small = thumbnail(&photo(Scene::ParkingLot, ""), 320, &DecodeLimits::default()).unwrap();
    let inspected = inspect(&small).unwrap();
    assert_eq!(inspected.media_type, MediaType::Jpeg);
    assert_eq!((inspected.width, inspected.height), (Some(320), Some(240)));
    assert_eq!(inspected.capture, Default::default());
    assert!(!small.windows(4).any(|window| window == b"Exif"));
    assert!(small.len() < 40_000, "{} bytes", small.len());
}

#[test]
fn a_thumbnail_stands_upright() {
    let turned = DemoExif {
        orientation: 6,
        ..exif()
    };
    let photo = write_demo_photo(7, Scene::Road, "", &turned).unwrap();
    let small = thumbnail(&photo, 320, &DecodeLimits::default()).unwrap();
    let inspected = inspect(&small).unwrap();
    assert_eq!((inspected.width, inspected.height), (Some(240), Some(320)));
}

#[test]
fn png_and_webp_are_scaled_too_and_transparency_lies_on_white() {
    let clear = DynamicImage::ImageRgba8(RgbaImage::new(600, 300));
    let (mut png, mut webp) = (Vec::new(), Vec::new());
    let (pixels, colour) = (clear.as_bytes(), clear.color().into());
    PngEncoder::new(&mut png)
        .write_image(pixels, 600, 300, colour)
        .unwrap();
    WebPEncoder::new_lossless(&mut webp)
        .write_image(pixels, 600, 300, colour)
        .unwrap();
    for (bytes, media_type) in [(png, MediaType::Png), (webp, MediaType::WebP)] {
        let inspected = inspect(&bytes).unwrap();
        assert_eq!(inspected.media_type, media_type);
        assert_eq!((inspected.width, inspected.height), (Some(600), Some(300)));
        let small = thumbnail(&bytes, 100, &DecodeLimits::default()).unwrap();
        let small = image::load_from_memory(&small).unwrap().into_rgb8();
        assert_eq!(small.dimensions(), (100, 50));
        assert!(
            small
                .pixels()
                .all(|pixel| pixel.0.iter().all(|channel| *channel > 250))
        );
    }
}

#[test]
fn a_damaged_exif_block_never_loses_the_picture() {
    let whole = photo(Scene::Door, "");
    let start = whole.windows(6).position(|window| window == b"Exif\0\0").unwrap() + 6;
    for at in (start..start + 300).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        let inspected = inspect(&damaged).unwrap();
        assert_eq!((inspected.width, inspected.height), (Some(960), Some(720)));
    }
    let mut damaged = whole.clone();
    damaged[start..start + 300].fill(0xee);
    assert_eq!(inspect(&damaged).unwrap().capture, Default::default());
    assert!(thumbnail(&damaged, 100, &DecodeLimits::default()).is_ok());
}

#[test]
fn a_picture_cut_anywhere_gives_an_answer() {
    let whole = photo(Scene::BaggedKeys, "EVD-12");
    for end in (0..whole.len()).step_by(101) {
        let _ = inspect(&whole[..end]);
    }
    let half = &whole[..whole.len() / 2];
    assert_eq!(inspect(half).unwrap().width, Some(960));
    let _ = thumbnail(half, 100, &DecodeLimits::default());
}

/// A PNG of 50,000 × 50,000 pixels is 60 bytes long; decoded it would take 7.5 GB.
#[test]
fn a_picture_bomb_is_refused_by_its_header() {
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02\0\0\0".to_vec();
    bomb.extend_from_slice(b"\0\0\0\0\0\0\0\0IDAT\0\0\0\0");
    assert_eq!(inspect(&bomb).unwrap().width, Some(50_000));
    let refused = thumbnail(&bomb, 320, &DecodeLimits::default());
    assert!(
        matches!(refused, Err(ImageError::TooManyPixels { width: 50_000, .. })),
        "{refused:?}"
    );
}

/// The header that was judged must be the one the decoder believes: two frame headers in one JPEG must not slip by.
#[test]
fn a_second_header_does_not_slip_past_the_limit() {
    let mut photo = photo(Scene::Plate, "A");
    let header = photo
        .windows(2)
        .position(|window| window == [0xff, 0xc0])
        .unwrap();
    let mut larger = photo[header..header + 19].to_vec();
    larger[5..9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    photo.splice(header..header, larger);
    let limits = DecodeLimits {
        pixels_max: 1_000_000,
        ..DecodeLimits::default()
    };
    let _ = thumbnail(&photo, 100, &limits);
}

#[test]
fn other_files_are_refused_whatever_their_name_says() {
    for bytes in [
        &b"GIF89a\x01\0\x01\0\0\0\0;"[..],
        b"%PDF-1.7\n",
        b"MZ\x90\0",
        b"<svg/>",
        b"",
        b"PK\x03\x04",
    ] {
        assert!(matches!(inspect(bytes), Err(ImageError::Unsupported)));
    }
}

#[test]
fn heic_is_kept_but_has_no_thumbnail() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    assert_eq!(inspect(heic).unwrap().media_type, MediaType::Heic);
    assert!(matches!(
        thumbnail(heic, 100, &DecodeLimits::default()),
        Err(ImageError::NotDecoded)
    ));
}

#[test]
fn the_same_seed_draws_the_same_picture() {
    let first = photo(Scene::BaggedKnife, "EVD-2041");
    assert_eq!(first, photo(Scene::BaggedKnife, "EVD-2041"));
    assert!(first.len() < 400_000, "{} bytes", first.len());
    let decoded: RgbImage = image::load_from_memory(&first).unwrap().into_rgb8();
    assert_eq!(decoded.dimensions(), (960, 720));
}

#[test]
fn a_label_names_the_item_and_carries_its_code() {
    let svg = label_svg(&Label {
        display_id: "EVD-2041",
        case_display_id: "INV-2026-1847",
        description: "Folding knife, black handle, blade 9 cm, in a paper bag",
        barcode: "EVD-2041",
        agency: "Harbor City Police Department",
        footnote: "Recovered 2026-03-17 21:14 by Sgt. Okafor",
    })
    .unwrap();
    assert!(svg.contains(r#"width="62mm" height="29mm""#));
    for text in ["EVD-2041", "INV-2026-1847", "Harbor City Police", "Folding knife"] {
        assert!(svg.contains(text), "{text}");
    }
}
