//! What people do on a page. Everything waits until it can be done, and says what stood in the way when it never could.
//!
//! Things are found as people and screen readers find them: by role and name, both as the browser itself computes them.
//! While a dialog is open that keeps the rest of the page from being used, only what is in it is there.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::super::{PATIENCE, Value, json};
use super::Browser;
use super::wire::{Element, Refusal};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Button,
    Checkbox,
    ComboBox,
    Dialog,
    Heading,
    Link,
    MenuItem,
    Region,
    SearchBox,
    Status,
    Switch,
    Tab,
    TextBox,
}

impl Role {
    /// The role's word, and what can have it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Button => ("button", "button, [role=button], summary, input[type=submit]"),
            Self::Checkbox => ("checkbox", "input[type=checkbox], [role=checkbox]"),
            Self::ComboBox => ("combobox", "select, input[list], [role=combobox]"),
            Self::Dialog => ("dialog", "dialog, [role=dialog]"),
            Self::Heading => ("heading", "h1, h2, h3, h4, h5, h6, [role=heading]"),
            Self::Link => ("link", "a[href], [role=link]"),
            Self::MenuItem => ("menuitem", "[role=menuitem]"),
            Self::Region => ("region", "section, [role=region]"),
            Self::SearchBox => ("searchbox", "input[type=search], [role=searchbox]"),
            Self::Status => ("status", "output, [role=status]"),
            Self::Switch => ("switch", "[role=switch]"),
            Self::Tab => ("tab", "[role=tab]"),
            Self::TextBox => ("textbox", "input, textarea, [role=textbox]"),
        }
    }
}

/// A whole name, or how one begins: a tab's name has a count behind it.
#[derive(Clone, Debug)]
pub enum Name {
    Is(String),
    Starts(String),
}

impl Name {
    fn text(&self) -> &str {
        match self {
            Self::Is(text) | Self::Starts(text) => text,
        }
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Is(text) => name == text,
            Self::Starts(text) => name.starts_with(text),
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::Is(text.to_owned())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::Is(text)
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Self::Is(text.clone())
    }
}

/// A name that begins like this.
pub fn starts(text: &str) -> Name {
    Name::Starts(text.to_owned())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(text) => write!(f, "“{text}”"),
            Self::Starts(text) => write!(f, "“{text}…”"),
        }
    }
}

/// What can be seen and might have this name; which of it does is for the browser to say.
const CANDIDATES: &str = r"
    const [selector, name] = arguments;
    const bare = (text) => text.replace(/\s+/g, '');
    const words = (element) => {
        const labels = (element.getAttribute('aria-labelledby') ?? '').split(/\s+/).map((id) => document.getElementById(id));
        const texts = [...labels, ...(element.labels ?? []), element].map((node) => node?.textContent);
        return [...texts, element.getAttribute('aria-label'), element.title, element.placeholder, element.value].join('');
    };
    const modal = [...document.querySelectorAll('dialog:modal')].at(-1);
    const places = modal ? [modal, ...modal.querySelectorAll(selector)] : [...document.querySelectorAll(selector)];
    return places.filter((element) => element.matches(selector)
        && element.checkVisibility({ visibilityProperty: true })
        && !element.closest('[inert], [aria-hidden=true]')
        && bare(words(element)).includes(bare(name)));
";

impl Browser {
    pub async fn click(&self, role: Role, name: impl Into<Name>) {
        let name = name.into();
        let what = format!("clicking the {} {name}", role.words().0);
        self.until(&what, async || {
            let element = self.look_for(role, &name).await?;
            let clicked = self.session.click(&element).await;
            if clicked.is_err() {
                // Something that stays in its place lies above it. People scroll on then.
                let scroll = "arguments[0].scrollIntoView({ block: 'center' })";
                self.session.execute(scroll, json!([element.to_json()])).await?;
            }
            Ok(clicked?)
        })
        .await;
    }

    pub async fn click_button(&self, name: impl Into<Name>) {
        self.click(Role::Button, name).await;
    }

    /// Replaces what stands in a field.
    pub async fn fill(&self, role: Role, name: impl Into<Name>, text: &str) {
        let name = name.into();
        let what = format!("filling in the {} {name}", role.words().0);
        self.until(&what, async || {
            let field = self.look_for(role, &name).await?;
            self.session.clear(&field).await?;
            Ok(self.session.type_into(&field, text).await?)
        })
        .await;
    }

    /// Chooses the option that begins with this text.
    pub async fn choose(&self, name: impl Into<Name>, option: &str) {
        const OPTION: &str = "const [list, text] = arguments; return [...list.options].find((option) => option.text.trim().startsWith(text))";
        let name = name.into();
        self.until(&format!("choosing “{option}” in {name}"), async || {
            let list = self.look_for(Role::ComboBox, &name).await?;
            let found = self.session.execute(OPTION, json!([list.to_json(), option])).await?;
            let found = Element::from_json(&found).ok_or_else(|| format!("no option “{option}”"))?;
            Ok(self.session.click(&found).await?)
        })
        .await;
    }

    /// Presses one key, such as `Escape` or `Tab`, where the focus is.
    pub async fn press(&self, key: &str) {
        let code = match key {
            "Enter" => "\u{e007}",
            "Escape" => "\u{e00c}",
            "Tab" => "\u{e004}",
            "ArrowDown" => "\u{e015}",
            "ArrowUp" => "\u{e013}",
            "ArrowRight" => "\u{e014}",
            "ArrowLeft" => "\u{e012}",
            "Home" => "\u{e011}",
            "End" => "\u{e010}",
            other => other,
        };
        let strokes = json!([{ "type": "keyDown", "value": code }, { "type": "keyUp", "value": code }]);
        let keyboard = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.session.post("/actions", keyboard).await.unwrap_or_else(|refusal| panic!("{key}: {refusal}"));
    }

    /// Role and name of what has the focus.
    pub async fn focus(&self) -> (String, String) {
        let found = self.session.get("/element/active").await.expect("something has the focus");
        let element = Element::from_json(&found).expect("an element has the focus");
        self.session.role_and_name(&element).await.unwrap_or_default()
    }

    /// Waits until it is there.
    pub async fn see(&self, role: Role, name: impl Into<Name>) {
        let name = name.into();
        let what = format!("seeing the {} {name}", role.words().0);
        self.until(&what, async || self.look_for(role, &name).await.map(drop)).await;
    }

    /// Whether it is there now. Wait for something that comes with it first.
    pub async fn sees(&self, role: Role, name: impl Into<Name>) -> bool {
        self.look_for(role, &name.into()).await.is_ok()
    }

    /// Waits until it is gone.
    pub async fn see_no_more(&self, role: Role, name: impl Into<Name>) {
        let name = name.into();
        let what = format!("the {} {name} goes", role.words().0);
        let is_gone = async || if self.sees(role, name.clone()).await { Err("still there".into()) } else { Ok(()) };
        self.until(&what, is_gone).await;
    }

    /// Waits until this text is to be seen in the first thing that the selector finds, and gives all the text of it.
    pub async fn read(&self, selector: &str, text: &str) -> String {
        self.until(&format!("reading “{text}” in {selector}"), async || {
            let shown = self.texts(selector).await;
            let first = shown.into_iter().next().ok_or("nothing is there")?;
            if first.contains(text) { Ok(first) } else { Err(format!("it says “{first}”").into()) }
        })
        .await
    }

    /// What can be read in everything that the selector finds and that can be seen, now.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        const TEXTS: &str = "return [...document.querySelectorAll(arguments[0])]\
            .filter((element) => element.checkVisibility({ visibilityProperty: true })).map((element) => element.innerText)";
        let texts = self.session.execute(TEXTS, json!([selector])).await.unwrap_or_default();
        texts.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What is in the places from which screen readers read aloud: those that the browser shows to them now.
    pub async fn said(&self) -> Vec<String> {
        let (_, selector) = Role::Status.words();
        let found = self.session.execute(CANDIDATES, json!([selector, ""])).await.unwrap_or_default();
        let places: Vec<&Value> = found.as_array().into_iter().flatten().collect();
        let texts = "return arguments[0].map((place) => place.textContent)";
        let texts = self.session.execute(texts, json!([places])).await.unwrap_or_default();
        texts.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Runs a function body in the page.
    pub async fn execute(&self, script: &str, arguments: Value) -> Value {
        self.session.execute(script, arguments).await.unwrap_or_else(|refusal| panic!("{script}: {refusal}"))
    }

    /// The one thing with this role and name.
    pub async fn look_for(&self, role: Role, name: &Name) -> Result<Element, Obstacle> {
        let (word, selector) = role.words();
        let found = self.session.execute(CANDIDATES, json!([selector, name.text()])).await?;
        let (mut fitting, mut others) = (Vec::new(), Vec::new());
        for element in found.as_array().into_iter().flatten().filter_map(Element::from_json) {
            let (computed, its_name) = self.session.role_and_name(&element).await?;
            if computed == word && name.fits(&its_name) {
                fitting.push(element);
            } else {
                others.push(format!("the {computed} “{its_name}”"));
            }
        }
        match <[Element; 1]>::try_from(fitting) {
            Ok([element]) => Ok(element),
            Err(fitting) if fitting.is_empty() => Err(format!("there is none, only {others:?}").into()),
            Err(fitting) => Err(format!("there are {} of them", fitting.len()).into()),
        }
    }

    /// Tries until it works. When it never does, panics with what is to be seen instead.
    pub async fn until<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<T, Obstacle>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            match attempt().await {
                Ok(result) => return result,
                Err(Obstacle(why)) if Instant::now() > end => panic!("{what}: {why}\n{}", self.scene().await),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// What stands in the way, in words.
#[derive(Debug)]
pub struct Obstacle(String);

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl From<String> for Obstacle {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<&str> for Obstacle {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}
