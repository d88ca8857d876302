// Package deploytest installs Pulltrail as its users do: the container image, what deploy/
// has for compose and systemd, the packages. All of it is tests; those that need more than
// Go have the build tag "integration", and run as root.
package deploytest
