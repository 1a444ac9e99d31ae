package kvload

import (
	"context"
	"fmt"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/sim"
)

// Aborted is a goal of runs in which clients are slow, or the locks of others in the way.
const Aborted sim.Goal = "a client was told that its transaction had been rolled back"

// opening is what each account of the bank has at first.
const opening = 100

// An entry is what an account holds: an amount, and what makes the value unique.
func entry(amount int, tag string) string { return fmt.Sprintf("%d of %s", amount, tag) }

// amountIn returns the amount in an entry.
func amountIn(value string) (amount int) {
	if _, err := fmt.Sscanf(value, "%d of ", &amount); err != nil {
		panic(fmt.Sprintf("kvload: %q is no entry of an account", value))
	}
	return amount
}

// accounts are the keys of the bank. They are all keys.
func accounts() []string {
	all := make([]string, keys)
	for n := range all {
		all[n] = keyName(n)
	}
	return all
}

// CheckTransactions checks the history of clients that run transactions: that they see
// what snapshot isolation promises.
func CheckTransactions(h *check.History) error { return check.SnapshotIsolation(h) }

// CheckBank checks the history of clients that run transactions: that they see what
// snapshot isolation promises, and that transfers keep the sum of all accounts.
func CheckBank(h *check.History) error {
	if err := check.SnapshotIsolation(h); err != nil {
		return err
	}
	return check.Sums(h, accounts(), opening*keys, amountIn)
}

// Transfers is a client of a bank with an account at each key: it moves amounts from one
// account to others, and reads all accounts in one snapshot, of now or of the past.
func Transfers(s *sim.Session) { transfers(s, false) }

// TransfersPatiently is Transfers by a client that does not give up because of locks. So it
// also goes on when it has stood still and others have taken it for dead.
func TransfersPatiently(s *sim.Session) { transfers(s, true) }

func transfers(s *sim.Session, patient bool) {
	c := newTransactor(s)
	c.patient = patient
	c.do(openBank)
	for s.Working() {
		switch n := s.Draw.IntN(100); {
		case n < 50:
			c.try(transfer)
		case n < 60:
			c.try(func(t *tx) error {
				if err := transfer(t); err != nil {
					return err
				}
				return errEnough
			})
		case n < 75:
			c.try(readAll)
		case n < 90:
			c.try(scanAll)
		default:
			c.look(scanAll)
		}
		rest(s, 2*s.Setting.Tick)
	}
	// It has recovered only if it takes writes again, and no lock is in the way.
	c.do(transfer)
	c.do(scanAll)
}

// openBank opens all accounts, unless that was done.
func openBank(t *tx) error {
	if _, found, err := t.get(keyName(0)); found || err != nil {
		return err
	}
	for _, key := range accounts() {
		if err := t.put(key, entry(opening, t.c.tag())); err != nil {
			return err
		}
	}
	return nil
}

// transfer moves an amount from one account to one or two others.
func transfer(t *tx) error {
	d := t.c.s.Draw
	from, total := d.IntN(keys), 0
	others := []int{(from + d.Between(1, keys-1)) % keys}
	if other := (from + d.Between(1, keys-1)) % keys; d.IntN(4) == 0 && other != others[0] {
		others = append(others, other)
	}
	for _, to := range others {
		amount := d.Between(1, 9)
		if err := t.add(keyName(to), amount); err != nil {
			return err
		}
		total += amount
	}
	return t.add(keyName(from), -total)
}

// add adds to the amount at a key.
func (t *tx) add(key string, amount int) error {
	value, found, err := t.get(key)
	if err != nil {
		return err
	}
	if found {
		amount += amountIn(value)
	}
	return t.put(key, entry(amount, t.c.tag()))
}

// readAll reads all keys in any order, one by one.
func readAll(t *tx) error {
	first, step := t.c.s.Draw.IntN(keys), dice.Pick(t.c.s.Draw, 1, 5, 7, 11) // coprime to keys
	for n := range keys {
		if _, _, err := t.get(keyName((first + n*step) % keys)); err != nil {
			return err
		}
	}
	return nil
}

// scanAll reads all keys with one scan, or with two.
func scanAll(t *tx) error {
	half := ""
	if t.c.s.Draw.IntN(3) == 0 {
		half = keyName(t.c.s.Draw.IntN(keys))
		if _, err := t.scan(half, "", 2*keys); err != nil {
			return err
		}
	}
	_, err := t.scan("", half, 2*keys)
	return err
}

// Counts is a client that increments two counters, with hardly a pause, so that an update
// of another client is always in between.
func Counts(s *sim.Session) {
	c := newTransactor(s)
	counters := [2]string{keyName(3), keyName(keys - 1)}
	increment := func(t *tx) error {
		both := s.Draw.IntN(3)
		for n, key := range counters {
			if both != n {
				if err := t.add(key, 1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for s.Working() {
		c.try(increment)
		rest(s, s.Setting.Tick/4)
	}
	c.do(increment)
}

// WritesApart is a client that writes single keys, and reads several of them in one
// transaction, in any order: two readers must not see two writes in different orders.
func WritesApart(s *sim.Session) {
	c := newTransactor(s)
	write := func(t *tx) error { return t.put(keyName(s.Draw.IntN(keys)), t.c.tag()) }
	for s.Working() {
		if s.Draw.IntN(2) == 0 {
			c.try(write)
		} else {
			c.try(readAll)
		}
		rest(s, s.Setting.Tick)
	}
	c.do(write)
}

// WritesPairs is a client of pairs of keys: it reads both and writes one, in transactions
// that overlap. Snapshot isolation allows what serializability does not: each of two of
// them does not see the other's write. If guarded is set, it locks the key that it does
// not write, and that cannot happen.
func WritesPairs(guarded bool) sim.Client {
	return func(s *sim.Session) {
		c := newTransactor(s)
		turn := func(t *tx) error {
			n := s.Draw.IntN(2)
			pair := [2]string{keyName(n), keyName(keys/2 + n)}
			for _, key := range pair {
				if _, _, err := t.get(key); err != nil {
					return err
				}
			}
			mine := s.Draw.IntN(2)
			if guarded {
				if err := t.lock(pair[1-mine]); err != nil {
					return err
				}
			}
			return t.put(pair[mine], t.c.tag())
		}
		for s.Working() {
			c.try(turn)
			rest(s, s.Setting.Tick/2)
		}
		c.do(turn)
	}
}

// Mixes is a client that does a bit of everything in each transaction: gets, puts,
// deletes and scans, also of what it has written itself.
func Mixes(s *sim.Session) {
	c := newTransactor(s)
	mix := func(t *tx) error {
		for range s.Draw.Between(1, 5) {
			key := keyName(s.Draw.IntN(keys))
			var err error
			switch n := s.Draw.IntN(100); {
			case n < 35:
				_, _, err = t.get(key)
			case n < 65:
				err = t.put(key, t.c.tag())
			case n < 75:
				err = t.delete(key)
			case n < 80:
				err = t.lock(key)
			default:
				end := ""
				if s.Draw.IntN(2) == 0 {
					end = keyName(keys)
				}
				_, err = t.scan(key, end, s.Draw.Between(1, keys))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for s.Working() {
		c.try(mix)
		rest(s, 2*s.Setting.Tick)
	}
	c.do(func(t *tx) error { return t.put(keyName(s.Draw.IntN(keys)), t.c.tag()) })
}

// Collects is a client that removes old versions: all of more than a second ago, or all but
// the newest ones. Now and then it gives up in the middle, and begins anew.
func Collects(s *sim.Session) {
	c := newTransactor(s)
	collect := func(patience time.Duration) bool {
		ctx, cancel := context.WithTimeout(s.Context(), patience)
		defer cancel()
		_, err := c.client.Collect(ctx, dice.Pick[time.Duration](s.Draw, 0, 1, 10, 50)*s.Setting.Tick)
		return err == nil
	}
	for s.Working() {
		if collect(dice.Pick[time.Duration](s.Draw, 10, 50, 400) * s.Setting.Tick) {
			s.Served()
		}
		rest(s, 10*s.Setting.Tick)
	}
	// The cluster has recovered only if a collection comes to its end.
	for s.Context().Err() == nil && !collect(8*time.Second) {
		rest(s, s.Setting.Tick)
	}
}

// ReadAllAtOnce reads every key in one transaction, with a scan and one by one. As the
// last client of a run it shows whether everything that was acknowledged is there.
func ReadAllAtOnce(s *sim.Session) {
	newTransactor(s).do(func(t *tx) error {
		if _, err := t.scan("", "", keys+1); err != nil {
			return err
		}
		return readAll(t)
	})
}
