//! The rooms of `src` as ARCHITECTURE.md draws them, beside what the code imports: nothing is used from a floor above, the
//! files of a room form no circle, no two types share a name, and only `ffi` names what is C's.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// Rooms that are not on the drawing: the crate's root.
const ROOT: &str = "lib";

/// A file of `src`: the modules that lead to it, and what it uses and declares outside of its tests.
#[derive(Debug, Default)]
struct File {
    module: Vec<String>,
    is_facade: bool,
    paths: BTreeSet<Vec<String>>,
    /// What a facade passes on: a name, and where it is declared.
    passed_on: BTreeMap<String, Vec<String>>,
    types: Vec<String>,
    /// Its lines, without comments.
    code: Vec<String>,
    /// Modules in files that `#[path]` names, which lie beside this one.
    beside: BTreeSet<String>,
    of_tests: BTreeSet<String>,
}

/// Collects paths that begin at `crate`, `self` or `super`, and the names of types.
struct Reader<'a> {
    file: &'a mut File,
    /// Modules that are written within the file.
    inner: Vec<String>,
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Reader<'_> {
    fn add(&mut self, path: Vec<String>) {
        if let Some(path) = self.absolute(path) {
            self.file.paths.insert(path);
        }
    }

    /// From the crate's root; `None` for what is outside of the crate, or begins at a name of this file.
    fn absolute(&self, path: Vec<String>) -> Option<Vec<String>> {
        let mut base = self.file.module.clone();
        base.extend(self.inner.iter().cloned());
        let mut names = path.into_iter().peekable();
        match names.next().as_deref() {
            Some("crate" | "spantls") => base.clear(),
            Some("self") => {}
            Some("super") => {
                base.pop();
            }
            _ => return None,
        }
        while names.next_if(|name| name == "super").is_some() {
            base.pop();
        }
        base.extend(names);
        Some(base)
    }

    /// A facade uses nothing by passing names on.
    fn pass_on(&mut self, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(next) => {
                if next.ident != "self" {
                    path.push(next.ident.to_string());
                }
                self.pass_on(&next.tree, path);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.pass_on(tree, path.clone())),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                if let Some(path) = self.absolute(path) {
                    self.file.passed_on.insert(name.ident.to_string(), path);
                }
            }
            UseTree::Rename(_) | UseTree::Glob(_) => {}
        }
    }

    fn add_tree(&mut self, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.add_tree(&next.tree, path);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, path.clone())),
            UseTree::Name(name) if name.ident == "self" => self.add(path),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                self.add(path);
            }
            UseTree::Rename(name) => {
                path.push(name.ident.to_string());
                self.add(path);
            }
            UseTree::Glob(_) => self.add(path),
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(module) = item
            && module.attrs.iter().any(|attribute| attribute.path().is_ident("path"))
        {
            self.file.beside.insert(module.ident.to_string());
        }
        if is_of_tests(attributes(item)) {
            if let Item::Mod(module) = item {
                self.file.of_tests.insert(module.ident.to_string());
            }
            return;
        }
        match item {
            Item::Enum(item) => self.file.types.push(item.ident.to_string()),
            Item::Struct(item) => self.file.types.push(item.ident.to_string()),
            Item::Trait(item) => self.file.types.push(item.ident.to_string()),
            Item::Type(item) => self.file.types.push(item.ident.to_string()),
            _ => {}
        }
        match item {
            Item::Mod(module) => {
                self.inner.push(module.ident.to_string());
                visit::visit_item(self, item);
                self.inner.pop();
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_of_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if self.file.is_facade && !matches!(item.vis, syn::Visibility::Inherited) {
            self.pass_on(&item.tree, vec!["self".to_owned()]);
        } else {
            self.add_tree(&item.tree, Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

/// All files of the library, without those of its tests.
fn files() -> Vec<File> {
    fn walk(folder: &Path, module: &[String], files: &mut Vec<File>) {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in entries {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut inner = module.to_vec();
            if path.is_dir() {
                inner.push(name);
                walk(&path, &inner, files);
                continue;
            }
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            if name != "mod" && name != ROOT {
                inner.push(name.clone());
            }
            let is_facade = name == "mod" || path.with_extension("").is_dir() || name == ROOT;
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect();
            let mut file = File { module: inner, is_facade, code, ..File::default() };
            let code = syn::parse_file(&text);
            let code = code.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Reader { file: &mut file, inner: Vec::new() }.visit_file(&code);
            files.push(file);
        }
    }
    let mut files = Vec::new();
    walk(&root().join("src"), &[], &mut files);
    let mut of_tests = BTreeSet::new();
    let is_of_tests = |of_tests: &BTreeSet<Vec<String>>, module: &[String]| {
        (1..=module.len()).any(|len| of_tests.contains(&module[..len]))
    };
    loop {
        let before = of_tests.len();
        for file in &files {
            let folder = &file.module[..file.module.len().saturating_sub(usize::from(!file.is_facade))];
            let whole = is_of_tests(&of_tests, &file.module);
            for name in file.of_tests.iter().chain(file.beside.iter().filter(|_| whole)) {
                let parent = if file.beside.contains(name) { folder } else { &file.module[..] };
                of_tests.insert([parent, std::slice::from_ref(name)].concat());
            }
        }
        if of_tests.len() == before {
            break;
        }
    }
    files.retain(|file| !is_of_tests(&of_tests, &file.module));
    files
}

/// The drawing: each room, from top to bottom, with the rooms that it uses.
fn drawing() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let drawing = text.split("```floors\n").nth(1).unwrap().split("```").next().unwrap();
    let line = |line: &str| {
        let (room, uses) = line.split_once('→').unwrap();
        (room.trim().to_owned(), uses.split_whitespace().map(str::to_owned).collect())
    };
    drawing.lines().map(line).collect()
}

#[test]
fn the_drawing_is_the_import_graph() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let files = files();
    let rooms: BTreeSet<&String> = files.iter().filter_map(|file| file.module.first()).collect();
    for file in &files {
        let Some(room) = file.module.first() else { continue };
        let uses = found.entry(room.clone()).or_default();
        let others = file.paths.iter().filter_map(|path| path.first());
        uses.extend(others.filter(|other| *other != room && rooms.contains(other)).cloned());
    }
    let drawing = drawing();
    let mut above = BTreeSet::new();
    for (room, uses) in &drawing {
        above.insert(room);
        let upward: Vec<_> = uses.iter().filter(|other| above.contains(other)).collect();
        assert!(upward.is_empty(), "{room} uses {upward:?}, which are above it in ARCHITECTURE.md");
    }
    let drawn: BTreeMap<String, BTreeSet<String>> = drawing.into_iter().collect();
    for (room, uses) in &found {
        let line = || format!("{room} → {}", uses.iter().cloned().collect::<Vec<_>>().join(" "));
        assert_eq!(
            drawn.get(room),
            Some(uses),
            "ARCHITECTURE.md has another line for {room} than the code: {}",
            line()
        );
    }
    assert_eq!(drawn.len(), found.len(), "ARCHITECTURE.md draws rooms that do not exist");
}

/// Facades (`mod.rs`, and a file that has a folder) are left out: their children say `impl` for what they declare.
#[test]
fn the_files_of_a_room_form_no_circle() {
    let files = files();
    let index: BTreeMap<&[String], usize> = files.iter().enumerate().map(|(at, file)| (&file.module[..], at)).collect();
    let edges: Vec<BTreeSet<usize>> = files
        .iter()
        .enumerate()
        .map(|(own, file)| {
            let target = |path: &Vec<String>| {
                let place =
                    |path: &[String]| (1..=path.len()).rev().find_map(|len| Some((len, *index.get(&path[..len])?)));
                let (len, at) = place(path)?;
                let declared = path.get(len).and_then(|name| files[at].passed_on.get(name));
                declared.map_or(Some(at), |path| place(path).map(|(_, at)| at))
            };
            file.paths.iter().filter_map(target).filter(|at| *at != own && !files[*at].is_facade).collect()
        })
        .collect();
    let mut circles = BTreeSet::new();
    for start in 0..files.len() {
        if files[start].is_facade {
            continue;
        }
        let (mut seen, mut next) = (BTreeSet::new(), edges[start].clone());
        while let Some(at) = next.pop_first() {
            if seen.insert(at) {
                next.extend(&edges[at]);
            }
        }
        if seen.contains(&start) {
            circles.insert(files[start].module.join("::"));
        }
    }
    assert!(circles.is_empty(), "these files use each other in a circle: {circles:#?}");
}

/// Comments may: they say what a host sees.
#[test]
fn only_ffi_names_functions_and_values_of_c() {
    for file in files().iter().filter(|file| file.module.first().is_some_and(|room| room != "ffi")) {
        let names = file.code.iter().filter(|text| {
            ["SPANTLS_", "tls_status_", "tls_options_", "tls_credentials_", "tls_context_", "tls_session_"]
                .iter()
                .any(|prefix| text.contains(prefix))
        });
        assert_eq!(names.collect::<Vec<_>>(), [""; 0], "{} names what only ffi knows", file.module.join("::"));
    }
}

#[test]
fn no_two_types_share_a_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files() {
        for name in file.types {
            places.entry(name).or_default().push(file.module.join("::"));
        }
    }
    // The two providers are never compiled together.
    places.retain(|_, places| {
        let mut rooms: Vec<_> = places.iter().filter(|place| !place.starts_with("crypto::provider::with_")).collect();
        rooms.dedup();
        places.len() > 1 && rooms.len() > 1 || rooms.len() == 1 && places.len() > 2
    });
    assert!(places.is_empty(), "types of one name: {places:#?}");
}
