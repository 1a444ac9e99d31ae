package transaction_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
)

func TestMain(m *testing.M) { graded.Main(m) }
