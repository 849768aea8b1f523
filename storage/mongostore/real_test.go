package mongostore_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	driver "go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/internal/mongotest"
	"acquis/lrs"
)

// needsMongoDB are the tests of what FerretDB does not have. They run where ACQUIS_TEST_MONGODB names
// a real MongoDB, and are the only ones that do not run without.
var needsMongoDB = []struct {
	sentence string
	lacking  string // what FerretDB does about it
	test     func(t *testing.T, db *mongo.Database)
}{
	{"every filter walks an index in the order of stored", "it has no planner: explain names no index", everyFilterHasAnIndex},
	{"the sparse indexes leave out what lacks their field", "it takes sparse and ignores it", sparseIndexes},
}

func TestMongoDB(t *testing.T) {
	for _, n := range needsMongoDB {
		t.Run(n.sentence, func(t *testing.T) {
			if !mongotest.Real() {
				t.Skipf("FerretDB: %s; set ACQUIS_TEST_MONGODB to run it", n.lacking)
			}
			uri := mongotest.Database(t)
			store := open(t, options(uri))
			ids, drafts := newBatch(t, 50)
			if err := store.AppendStatements(t.Context(), drafts); err != nil {
				t.Fatal(err)
			}
			if _, err := store.StatementByID(t.Context(), ids[0]); err != nil {
				t.Fatal(err)
			}
			n.test(t, databaseOf(t, uri))
		})
	}
}

// databaseOf connects to the database that a URI names.
func databaseOf(t *testing.T, uri string) *mongo.Database {
	t.Helper()
	client, err := mongo.Connect(driver.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Disconnect(context.Background()) })
	_, name, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	name, _, _ = strings.Cut(name, "?")
	return client.Database(name)
}

func everyFilterHasAnIndex(t *testing.T, db *mongo.Database) {
	term := lrs.SourceTerm("pix")
	for name, filter := range map[string]bson.D{
		"no filter":  {{Key: "s", Value: bson.D{{Key: "$gt", Value: int64(0)}}}},
		"one term":   {{Key: "t", Value: text(term)}, {Key: "s", Value: bson.D{{Key: "$gt", Value: int64(0)}}}},
		"attachment": {{Key: "a", Value: strings.Repeat("0", 64)}},
	} {
		find := bson.D{{Key: "find", Value: "statements"}, {Key: "filter", Value: filter}}
		if name != "attachment" {
			find = append(find, bson.E{Key: "sort", Value: bson.D{{Key: "s", Value: -1}}}, bson.E{Key: "limit", Value: 50})
		}
		var plan bson.Raw
		err := db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "executionStats"}}).Decode(&plan)
		if err != nil {
			t.Fatal(err)
		}
		winning := plan.Lookup("queryPlanner", "winningPlan").String()
		if !strings.Contains(winning, `"IXSCAN"`) || strings.Contains(winning, `"SORT"`) {
			t.Errorf("%s: the winning plan is %s", name, winning)
		}
	}
}

func sparseIndexes(t *testing.T, db *mongo.Database) {
	n, err := db.Collection("statements").CountDocuments(t.Context(), bson.D{}, driver.Count().SetHint("a_1"))
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("the index of attachments holds %d statements that have none", n)
	}
}

// text is how the index spells a term.
func text(t lrs.Term) string { return base64.RawURLEncoding.EncodeToString(t[:]) }
