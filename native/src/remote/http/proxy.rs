//! Who stands between this host and servers: as the environment says, or the configuration.

use reqwest::{ClientBuilder, NoProxy, Url};
use rustix::io::Errno;

use super::login;
use crate::error::{Context as _, Error, Result};
use crate::remote::settings::{HttpOptions, Proxy};

/// A client that goes the way that was chosen. By itself it goes that of the environment.
///
/// # Errors
///
/// If the URL is none, or the file with the password cannot be used.
pub(super) fn applied(builder: ClientBuilder, options: &HttpOptions) -> Result<ClientBuilder> {
    let url = match &options.proxy {
        Proxy::Environment => return Ok(builder),
        Proxy::None => return Ok(builder.no_proxy()),
        Proxy::Url(url) => url,
    };
    let unusable = || Error::new(Errno::INVAL, format!("{url:?} is no URL of a proxy"));
    let mut url: Url = url.parse().map_err(|_| unusable())?;
    if let Some(path) = &options.proxy_password {
        let credentials = login::credentials_in(path)?;
        let set = url.set_username(&credentials.user).and_then(|()| url.set_password(Some(&credentials.password)));
        set.map_err(|()| unusable()).context(|| format!("use the password in {path:?}"))?;
    }
    // The library's own words might repeat the password.
    let proxy = reqwest::Proxy::all(url).map_err(|_| unusable())?;
    Ok(builder.proxy(proxy.no_proxy(NoProxy::from_env())))
}
