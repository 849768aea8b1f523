package completion

import (
	"context"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// activityReaders may read what statements spoke of, which tells nothing about people.
const activityReaders = lrs.RoleAdministrator | lrs.RoleOperator | lrs.RoleLicenceManager | lrs.RoleBIReader | lrs.RoleAuditor

// UnknownActivities lists the activities that no item of the catalogue is known by, those first that most
// statements are about. source is whose they are, "" for all. A page may be short while next is set.
func UnknownActivities(ctx context.Context, store docstore.Store, caller hub.Caller, source string, limit int, after string) (found []Activity, next string, err error) {
	if err := caller.Has(activityReaders, "read activities"); err != nil {
		return nil, "", err
	}
	page, next, err := Activities.Scan(ctx, store, docstore.Scan{Index: "unknown", Descending: true, Limit: limit, After: after})
	if err != nil {
		return nil, "", err
	}
	for _, f := range page {
		if source == "" || f.Row.Value.Source == source {
			found = append(found, f.Row.Value)
		}
	}
	return found, next, nil
}
