/// The version of superv, as `superv version` and `health` tell it (semver.org).
package let supervVersion = "0.1.0"
