//! Completions for shells, from what clap knows of the options.

use std::collections::BTreeSet;

use clap::{Arg, Command};
use clap_complete::shells::{Bash, Fish, Zsh};

/// The shells that there are completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

impl Shell {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// Where the shell looks for completions of `casync` by that name, below `share` of a prefix.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Bash => "bash-completion/completions/casync",
            Self::Zsh => "zsh/site-functions/_casync",
            Self::Fish => "fish/vendor_completions.d/casync.fish",
        }
    }
}

/// The line of the bash script after which the word before the cursor is known.
const PREVIOUS: &str = "    prev=\"$3\"\n";

/// bash takes `--option=value` for three words, where the script expects two.
const JOIN: &str = "    \
    if [[ \"${cur}\" == '=' ]]; then
        cur=''
    elif [[ \"${prev}\" == '=' ]]; then
        prev=\"${COMP_WORDS[COMP_CWORD-2]}\"
    fi
";

pub(super) fn of(mut command: Command, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    match shell {
        Shell::Bash => clap_complete::generate(Bash, &mut command, "casync", &mut script),
        Shell::Zsh => clap_complete::generate(Zsh, &mut command, "casync", &mut script),
        Shell::Fish => clap_complete::generate(Fish, &mut command, "casync", &mut script),
    }
    let mut script = String::from_utf8(script).expect("all texts are UTF-8 because they are ours");
    match shell {
        Shell::Bash => script = script.replacen(PREVIOUS, &format!("{PREVIOUS}{JOIN}"), 1),
        Shell::Zsh => {
            // It parts what it is told of an option at colons.
            let verbs = command.get_subcommands().flat_map(Command::get_arguments);
            let names = command.get_arguments().chain(verbs).filter_map(Arg::get_value_names).flatten();
            let names: BTreeSet<&str> = names.map(|name| name.as_str()).filter(|name| name.contains(':')).collect();
            for name in names {
                script = script.replace(&format!(":{name}:"), &format!(":{}:", name.replace(':', "\\:")));
            }
        }
        Shell::Fish => {}
    }
    script.into_bytes()
}
