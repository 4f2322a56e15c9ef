"""Progress bars and messages for the commands of all packages."""
