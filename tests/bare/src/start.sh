# One guest: start.sh GROUP STAGING AGENT COMMAND_LINE SOCKETS LAYER...
#
# GROUP is a control group of its own (cgroup2), STAGING an empty directory, SOCKETS the directory that stands for vsock.
# Becomes the guest's PID 1; all that it mounts ends with its namespaces.
set -eu
if [ "${ANTEROOM_BARE:-}" != inside ]; then
    echo $$ >"$1/cgroup.procs"
    # The guest's clock begins now, as that of a VM does, and unshare takes whole seconds: the next one is waited for.
    uptime=$(cut -d ' ' -f 1 /proc/uptime)
    rest=$((200 - 1${uptime#*.})) # hundredths of a second, 1 to 100
    sleep "$((rest / 100)).$(printf %02d $((rest % 100)))"
    uptime=$(cut -d . -f 1 /proc/uptime)
    ANTEROOM_BARE=inside exec unshare --mount --pid --fork --net --uts --ipc --cgroup \
        --time --boottime "-$uptime" --kill-child sh "$0" "$@"
fi
staging=$2 agent=$3 command_line=$4 sockets=$5
shift 5
mount -t tmpfs -o mode=0755 staging "$staging"
mkdir "$staging/upper" "$staging/work" "$staging/root"
lower=
count=0
for layer in "$@"; do
    mkdir "$staging/$count"
    mount -t erofs -o loop,ro "$layer" "$staging/$count"
    lower=$staging/$count${lower:+:$lower}
    count=$((count + 1))
done
root=$staging/root
mount -t overlay -o "lowerdir=$lower,upperdir=$staging/upper,workdir=$staging/work" overlay "$root"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/anteroom-vsock" "$root/usr/lib/anteroom"
touch "$root/usr/lib/anteroom/anteroom-agent"
mount --bind "$agent" "$root/usr/lib/anteroom/anteroom-agent"
mount --bind "$sockets" "$root/anteroom-vsock"
mount -t proc proc "$root/proc"
mount --bind "$command_line" "$root/proc/cmdline"
# What a VM's device is to the agent; its other end leads nowhere.
ip link add eth0 type veth peer name far
ip link set far up
# The agent ends its VM with SysRq where all else fails, and sets its clock: this machine's stay as they are.
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio \
    chroot "$root" /usr/lib/anteroom/anteroom-agent 2>&1
