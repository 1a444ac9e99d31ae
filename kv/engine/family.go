package engine

import (
	"slices"

	"github.com/pingcap/errors"
)

// A CF names a column family: a key space of its own inside one engine.
type CF = string

// The column families of a store's data.
const (
	CFDefault CF = "default" // raw values, and the values of transactions
	CFLock    CF = "lock"    // locks of transactions that are under way
	CFWrite   CF = "write"   // commit and rollback records of transactions
)

// Families are the column families that hold a store's data, in the order in
// which snapshot files number them.
var Families = []CF{CFDefault, CFLock, CFWrite}

// CheckFamilies returns an error unless an engine can be opened with families:
// there is at least one, no name is given twice, and every name consists of 1
// to 64 of the characters a-z, 0-9, '_' and '-'.
func CheckFamilies(families []CF) error {
	if len(families) == 0 {
		return errors.New("no column families given: name at least one")
	}
	for i, cf := range families {
		if !validName(cf) {
			return errors.Errorf("column family %q: a name is 1 to 64 of the characters a-z, 0-9, '_' and '-'", cf)
		}
		if FamilyIndex(families[:i], cf) >= 0 {
			return errors.Errorf("column family %q is given twice", cf)
		}
	}
	return nil
}

func validName(cf CF) bool {
	for i := 0; i < len(cf); i++ {
		c := cf[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return len(cf) >= 1 && len(cf) <= 64
}

// FamilyIndex returns the position of cf in families, or -1. Engines call it
// for every key; families are few, so a scan is faster than a map.
func FamilyIndex(families []CF, cf CF) int {
	for i := range families {
		if families[i] == cf {
			return i
		}
	}
	return -1
}

// SameFamilies reports whether a and b name the same families, in any order.
func SameFamilies(a, b []CF) bool {
	if len(a) != len(b) {
		return false
	}
	return !slices.ContainsFunc(a, func(cf CF) bool { return FamilyIndex(b, cf) < 0 })
}
