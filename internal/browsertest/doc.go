// Package browsertest looks at the pages as their readers do, in a real Chromium: all
// of it is tests, behind the build tag "integration".
//
// The pictures that they take are written to the folder that PULLTRAIL_TEST_SCREENSHOTS
// names, for a person to look at.
package browsertest
