//! Lists the recordings that data/demo/day.toml names, so that the program holds them and needs no files.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

const DAY: &str = "../data/demo/day.toml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DAY}");
    let day: toml::Table = fs::read_to_string(DAY)?.parse()?;
    let data = fs::canonicalize("../data")?;
    let scenes =
        day.get("scene").and_then(toml::Value::as_array).ok_or("data/demo/day.toml has no scenes")?;
    let mut names: Vec<&str> =
        scenes.iter().filter_map(|scene| scene.get("file").and_then(toml::Value::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let mut code = String::from("pub(crate) static FILES: &[(&str, &[u8])] = &[\n");
    for name in names {
        let path = data.join(name);
        if !path.is_file() {
            return Err(format!("data/demo/day.toml names {name}, which is not in data/").into());
        }
        println!("cargo::rerun-if-changed={}", path.display());
        // Where the checkout is must not be in the code: the same commit is to give the same program anywhere.
        let relative = format!("/../data/{name}");
        writeln!(
            code,
            "    ({name:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {relative:?}))),"
        )?;
    }
    code.push_str("];\n");
    let output = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    Ok(fs::write(Path::new(&output).join("recordings.rs"), code)?)
}
