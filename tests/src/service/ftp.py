"""An FTP server on a free port: ftp.py ROOT [OPTION...]"""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.log import logger
from pyftpdlib.servers import FTPServer

root, *options = sys.argv[1:]
authorizer = DummyAuthorizer()
if "login" in options:
    authorizer.add_user("somebody", "a secret: of the test", root)
else:
    authorizer.add_anonymous(root)


class Cut(DTPHandler):
    """Ends every transfer after so many bytes."""

    limit = 60_000
    sent = 0

    def send(self, data):
        count = super().send(data[: self.limit - self.sent])
        self.sent += count
        if self.sent >= self.limit and not self._closed:
            self._resp = ("426 Transfer aborted.", logger.debug)
            self.close()
        return count


class Mute(DTPHandler):
    """Says nothing."""

    def send(self, data):
        return 0


class Handler(FTPHandler):
    pass


Handler.authorizer = authorizer
Handler.use_sendfile = False
for option, dtp in ("cut", Cut), ("mute", Mute):
    if option in options:
        Handler.dtp_handler = dtp
unknown = {"old": ("EPSV", "EPRT"), "plain": ("SIZE", "MDTM")}
Handler.proto_cmds = {
    name: command
    for name, command in FTPHandler.proto_cmds.items()
    if not any(name in names for option, names in unknown.items() if option in options)
}
server = FTPServer(("127.0.0.1", 0), Handler)
if "few" in options:
    server.max_cons_per_ip = 2
host, port = server.socket.getsockname()[:2]
print(f"listening on {host}:{port}", flush=True)
server.serve_forever()
