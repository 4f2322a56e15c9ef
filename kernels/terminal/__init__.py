"""Progress bars and messages of the commands of all packages."""
