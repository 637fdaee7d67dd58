//! How a page looks: the size of the window, the colours, and whether everything fits. Pictures of it.

use std::path::Path;

use local::paths;

use super::super::json;
use super::{Browser, installed};

/// The size of the page in pixels, and which colours the person prefers.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
}

impl Look {
    pub const WIDE: Self = Self { width: 1280, height: 800, is_dark: false };
    pub const NARROW: Self = Self { width: 360, height: 740, is_dark: false };
    pub const ALL: [Self; 4] = [Self::WIDE, Self::WIDE.dark(), Self::NARROW, Self::NARROW.dark()];

    #[must_use]
    pub const fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    /// As in a file's name: `wide-dark`.
    pub fn name(self) -> String {
        let width = if self.width < 600 { "narrow" } else { "wide" };
        format!("{width}-{}", if self.is_dark { "dark" } else { "light" })
    }
}

/// What is wider than the window, or cut off at its side. What only screen readers see is clipped on purpose.
const TOO_WIDE: &str = r"
    const width = document.documentElement.clientWidth;
    const told = (element) => `${element.localName}.${element.className} “${element.textContent.trim().slice(0, 60)}”`;
    const isUnseen = (element) => element.closest('.unseen, thead') && getComputedStyle(element.closest('.unseen, thead')).clipPath !== 'none';
    const all = [...document.body.querySelectorAll('*')].filter((element) =>
        element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }) && !isUnseen(element));
    const outside = all.filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return right > left && (left < -1 || right > width + 1);
    });
    const cut = all.filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
        && !['input', 'select', 'bdi', 'pre'].includes(element.localName) && getComputedStyle(element).overflowX !== 'visible');
    return [...outside.map((element) => 'outside: ' + told(element)), ...cut.map((element) => 'cut: ' + told(element))];
";

impl Browser {
    /// Shows the present tab like this, without anything that moves.
    pub async fn show(&self, look: Look) {
        const DRAWN: &str = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))";
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false });
        self.session.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.is_dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.session.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        // What follows the window's size by script has done so two pictures later.
        self.session.execute_async(DRAWN, json!([])).await.unwrap_or_else(|refusal| panic!("drawing: {refusal}"));
    }

    /// In light and dark, wide and narrow: everything fits, and axe-core finds nothing.
    pub async fn looks_right(&self, state: &str) {
        for look in Look::ALL {
            self.show(look).await;
            self.fits(state).await;
            self.is_accessible(&format!("{state}, {}", look.name())).await;
        }
        self.show(Look::WIDE).await;
    }

    /// As [`Browser::looks_right`], with a picture of each look: `docs/screenshots/<name>-<look>.png`.
    pub async fn looks_right_and_is_pictured(&self, name: &str) {
        self.looks_right(name).await;
        for look in Look::ALL {
            self.show(look).await;
            self.screenshot(&format!("{name}-{}", look.name())).await;
        }
        self.show(Look::WIDE).await;
    }

    /// Nothing is wider than the window or cut off at its side: nobody has to scroll sideways.
    pub async fn fits(&self, state: &str) {
        let too_wide = self.execute(TOO_WIDE, json!([])).await;
        let is_fitting = too_wide.as_array().is_some_and(Vec::is_empty);
        assert!(is_fitting, "{state} is too wide: {too_wide:#}\n{}", self.scene().await);
    }

    /// Writes `docs/screenshots/<name>.png`, if that is wanted.
    pub async fn screenshot(&self, name: &str) {
        if installed::are_screenshots_wanted() {
            self.picture(&paths::workspace().join("docs/screenshots").join(name).with_extension("png")).await;
        }
    }

    pub(super) async fn picture(&self, file: &Path) {
        std::fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("a folder for the picture");
        std::fs::write(file, self.session.screenshot().await).expect("the picture is written");
    }
}
