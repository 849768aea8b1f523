// Makes the three nodes a replica set and creates two users: root, for people, and acquis, which may use the
// database acquis and nothing else. Run again, it changes nothing but passwords, to those of the secrets.
//
// For mongosh, on the machine of mongo1: until a user exists, MongoDB lets only local connections in.

const fs = require('fs');

const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, 'utf8').trim();

const nodes = ['mongo1:27017', 'mongo2:27017', 'mongo3:27017'];
const alreadyInitialized = 23;
const authenticationFailed = 18;

// until waits for what is said to become true, two minutes at most.
function until(what, isSo) {
  for (let second = 0; second < 120; second++) {
    if (isSo()) return;
    sleep(1000);
  }
  throw new Error(`after two minutes there is still not ${what}`);
}

// knowsRoot tells whether root can log in, and logs it in.
function knowsRoot(admin) {
  try {
    return admin.auth('root', secret('mongo_root')).ok === 1;
  } catch (error) {
    if (error.code === authenticationFailed) return false;
    throw error;
  }
}

// found makes the replica set and the user root. mongo1 has to become the primary, since the first user can be
// made there only; its higher priority sees to that.
function found(admin) {
  try {
    rs.initiate({ _id: 'acquis', members: nodes.map((host, i) => ({ _id: i, host, priority: i === 0 ? 2 : 1 })) });
  } catch (error) {
    if (error.code !== alreadyInitialized) throw error;
  }
  until('a primary on mongo1', () => db.hello().isWritablePrimary);
  admin.createUser({ user: 'root', pwd: secret('mongo_root'), roles: ['root'] });
}

// grant gives acquis its user, with the password of today.
function grant(acquis) {
  const user = { pwd: secret('mongo_acquis'), roles: [{ role: 'readWrite', db: 'acquis' }] };
  if (acquis.getUser('acquis') === null) acquis.createUser({ user: 'acquis', ...user });
  else acquis.updateUser('acquis', user);
}

db = connect('mongodb://127.0.0.1:27017/admin?directConnection=true');
if (!knowsRoot(db)) found(db);

db = connect(`mongodb://root:${secret('mongo_root')}@${nodes.join(',')}/admin?replicaSet=acquis`);
until('three nodes that are primary or secondary', () =>
  rs.status().members.every((member) => ['PRIMARY', 'SECONDARY'].includes(member.stateStr)));
grant(db.getSiblingDB('acquis'));
print('The replica set is ready.');
