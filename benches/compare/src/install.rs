//! Installing the peers: `peers/FOLDER/install.sh INSTALLED`, once for each folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::args::Args;
use crate::peer::Peer;
use crate::results::Results;

/// A peer, and where it is installed.
pub(crate) type Installed = (&'static Peer, PathBuf);

/// Where the peers' scripts are.
pub(crate) fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))
}

/// Installs those peers that were asked for and are not there. One that cannot be is noted in the results.
///
/// # Errors
/// When the peers' names or the cache are unusable.
pub(crate) fn all(args: &Args, results: &mut Results) -> anyhow::Result<Vec<Installed>> {
    let cache = args.cache()?;
    let mut installed: Vec<Installed> = Vec::new();
    for peer in args.peers()? {
        if let Some(reason) = peer.left_out {
            results.miss(peer, reason.to_owned());
            continue;
        }
        let folder = cache.join(peer.folder);
        let done_before = installed.iter().any(|(other, _)| other.folder == peer.folder);
        match if done_before { version(&folder) } else { install(peer, &folder) } {
            Ok(version) => {
                results.add_peer(peer, version);
                installed.push((peer, folder));
            }
            Err(error) => results.miss(peer, format!("it could not be installed: {error:#}")),
        }
    }
    Ok(installed)
}

/// Installs a peer and tells its version.
fn install(peer: &Peer, folder: &Path) -> anyhow::Result<String> {
    eprintln!("installing {}", peer.folder);
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let script = scripts().join(peer.folder).join("install.sh");
    let status = Command::new(&script).arg(folder).status().with_context(|| format!("running {}", script.display()))?;
    ensure!(status.success(), "{} ended with {status}; what it wrote is above", script.display());
    version(folder)
}

fn version(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("version");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.trim().to_owned())
}
