package memory

import "github.com/labkv/labkv/kv/engine"

// A Durable reads the data that a power cut at this moment is sure to leave on
// a disk: the state as of the last sync, without the batches after it.
type Durable struct{ engine *Engine }

// Durable returns a reader of the durable data on the disk of e.
func (e *Engine) Durable() Durable { return Durable{e} }

// Get returns the durable value of key, as engine.Reader does. It takes time
// linear in the number of writes since the last sync.
func (d Durable) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	disk := d.engine.disk
	disk.mu.RLock()
	defer disk.mu.RUnlock()
	i, err := d.engine.check(cf, key)
	if err != nil {
		return nil, false, err
	}
	for _, u := range disk.undo {
		if u.family != i || u.key != string(key) {
			continue
		}
		if !u.had {
			return nil, false, nil
		}
		return []byte(u.value), true, nil
	}
	value, found = get(disk.families[i].tree, key)
	return value, found, nil
}
