//! `ganesha-conf`: prints the configuration that NFS-Ganesha needs, from the filer's own.

use crate::cli::GaneshaConf;
use crate::config::Config;
use crate::driver::Driver;
use anyhow::bail;
use tombolo_ganesha::BaseConfig;

/// Prints it.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub fn print(config: &Config, how: &GaneshaConf) -> anyhow::Result<()> {
    let Driver::Filer(filer) = &config.backend else {
        bail!("only the driver filer has exports by NFS-Ganesha");
    };
    let mut base = BaseConfig::new(&how.recovery);
    base.bind = how.bind;
    println!("{HEAD}{}", base.render(filer.exporter())?.trim_end());
    Ok(())
}

/// Its first lines.
const HEAD: &str =
    "# Printed by `tombolo-filer ganesha-conf`, for /etc/ganesha/ganesha.conf. NFS-Ganesha reads it when it starts.\n";
