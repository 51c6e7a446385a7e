// Demand paging: a device touches pages that are not there; the host brings each in when it is asked for it. Three ways:
// page requests of a device with ATS and PRI behind an SMMUv3, transactions that the SMMUv3 stalls, and page requests
// behind a VT-d unit. A step is the time of one access of the device, which has four under way at most; the host serves
// one request every third step. Printed: accesses that waited, pages brought in, requests for a page that had come
// meanwhile, messages between device, IOMMU and host, steps that a waiting access took, and the step that ended it all.
import {
  DeviceTlb,
  decodeEvent,
  PageTable,
  registers as R,
  SMMUV3_PRESETS,
  SmmuV3,
  TableAllocator,
  vtdRegisters as V,
  VTD_PRESETS,
  VtdFirstStageTable,
  VtdIommu,
} from "nested-iommu";

const [ACCESSES, UNDER_WAY, STEPS_A_PAGE] = [64, 4, 3];
const [TABLES, QUEUE, PAGES] = [0x8000_0000n, 0x9000_0000n, 0xa000_0000n];
const addressOf = (n) => BigInt((n % 16) >> 1) << 12n; // each of eight pages twice in a row, and all of it four times
const command = (...words) => new Uint8Array(Uint32Array.of(...words).buffer);

/** Lets a device run until all its accesses are done; `way` says how it accesses, and what the host does. */
function run(name, way) {
  const began = []; // step at which each access was first tried
  const took = []; // steps that each took which is done
  const there = new Set();
  let [step, waited, spurious] = [0, 0, 0];
  const done = (n) => took.push(step - began[n]);
  const bringIn = (page, map) => {
    if (there.has(page)) return spurious++;
    there.add(page);
    return map(page, PAGES + page, 0x1000n);
  };
  const { access, serve, messages } = way(done, bringIn);
  for (let next = 0; took.length < ACCESSES; ) {
    began[next] = ++step;
    if (next < ACCESSES && next - took.length < UNDER_WAY && !access(next++)) waited++;
    if (step % STEPS_A_PAGE === 0) serve();
  }
  const mean = took.reduce((sum, steps) => sum + steps, 0) / waited;
  show(name, waited, there.size, spurious, messages(), mean.toFixed(1), Math.max(...took), step);
}

function show(name, ...columns) {
  console.log(name.padEnd(8) + columns.map((column) => String(column).padStart(10)).join(""));
}

/** A device with a device TLB: no right to the page, so it asks for the page; when it is told of it, it tries again. */
function withDeviceTlb(makeMachine, done) {
  const waiting = new Map(); // page request group → access
  let current;
  const machine = makeMachine(({ group }) => access(waiting.get(group)));
  const pri = (request) => {
    waiting.set(request.group, current);
    machine.requestPage(request);
    return false; // not there yet
  };
  const tlb = new DeviceTlb(machine, { stream: 0, pri });
  const access = (n) => {
    current = n;
    const { ok } = tlb.translate({ iova: addressOf(n), write: true });
    if (ok) done(n);
    return ok;
  };
  const messages = () => {
    const { pageRequests, pageResponses } = machine.counters();
    return tlb.counters().translationRequests + pageRequests + pageResponses;
  };
  return { machine, access, messages };
}

/** An SMMUv3 with stage 1 for stream 0, and the table that the host fills; `cd` is word 0 of the context descriptor. */
function smmuv3(options, cd, enable) {
  const smmu = new SmmuV3(options);
  const { memory } = smmu;
  const room = new TableAllocator(TABLES, 0x100_0000n);
  const allocate = (bytes, align) => room.allocate(bytes, align);
  const table = new PageTable({ stage: 1, granule: 4096, inputBits: 48, memory, allocate });
  const [at, ste] = [allocate(64), allocate(64)];
  memory.writeU64(at, cd);
  memory.writeU64(at + 8n, table.root);
  memory.writeU64(ste, at | 0xbn); // stage 1 alone
  memory.writeU64(ste + 8n, 1n << 28n); // EATS: translation requests are answered
  smmu.write64(R.REG_STRTAB_BASE, ste);
  for (const queue of [R.REG_EVENTQ_BASE, R.REG_PRIQ_BASE]) smmu.write64(queue, QUEUE | 4n); // 16 entries
  smmu.write32(R.REG_CR0, enable);
  /** Takes the next entry off a queue, if there is one: its address. */
  const take = (prod, cons, bytes) => {
    const index = smmu.read32(cons);
    if (index === smmu.read32(prod)) return undefined;
    smmu.write32(cons, (index + 1) % 32);
    return QUEUE + BigInt(bytes * (index % 16));
  };
  return { smmu, take, map: (...page) => table.map(...page) };
}

function smmuv3Pri(done, bringIn) {
  let host;
  const device = withDeviceTlb((onPageResponse) => {
    host = smmuv3({ features: SMMUV3_PRESETS.host, onPageResponse }, 0x0001_6205_c000_0010n, 0x13); // ATSCHK, PRIQEN
    return host.smmu;
  }, done);
  const serve = () => {
    const entry = host.take(R.REG_PRIQ_PROD, R.REG_PRIQ_CONS, 16);
    if (entry === undefined) return;
    const high = host.smmu.memory.readU64(entry + 8n); // address and group
    bringIn(high & ~0xfffn, host.map);
    host.smmu.issue(command(0x41, 0, Number(high & 511n) | 0x2000, 0)); // PRI_RESP, Success
  };
  return { ...device, serve };
}

function smmuv3Stall(done, bringIn) {
  const waiting = new Map(); // transaction → access
  const onResume = ({ transaction }) => done(waiting.get(transaction));
  const { smmu, take, map } = smmuv3({ onResume }, 0x0001_7205_c000_0010n, 0x5); // CD.S; EVENTQEN
  const access = (n) => {
    const { ok, transaction } = smmu.translate({ stream: 0, iova: addressOf(n), write: true });
    if (ok) done(n);
    else waiting.set(transaction, n);
    return ok;
  };
  const serve = () => {
    const entry = take(R.REG_EVENTQ_PROD, R.REG_EVENTQ_CONS, 32);
    if (entry === undefined) return;
    const { iova, stag } = decodeEvent(smmu.memory.read(entry, 32));
    bringIn(iova, map);
    smmu.issue(command(0x1044, 0, stag, 0)); // RESUME, retry
  };
  return { access, serve, messages: () => 2 * smmu.counters().eventsRecorded };
}

function vtdPri(done, bringIn) {
  let table;
  const { machine, ...device } = withDeviceTlb((onPageResponse) => {
    const vtd = new VtdIommu({ features: VTD_PRESETS.host, onPageResponse });
    const { memory } = vtd;
    const room = new TableAllocator(TABLES, 0x100_0000n);
    const allocate = (bytes, align) => room.allocate(bytes, align);
    table = new VtdFirstStageTable({ memory, allocate });
    const [root, context, directory, pasids] = [0, 0, 0, 0].map(() => allocate(4096));
    memory.writeU64(root, context | 1n);
    memory.writeU64(context, directory | 0x15n); // P, DTE, PRE; requests without PASID have PASID 0
    memory.writeU64(directory, pasids | 1n);
    memory.writeU64(pasids, 0x41n); // first stage alone
    memory.writeU64(pasids + 8n, 0x80_0001n); // domain 1, PWSNP
    memory.writeU64(pasids + 16n, table.root);
    vtd.write64(V.REG_PQA, QUEUE);
    vtd.write64(V.REG_RTADDR, root | 0x400n); // scalable mode
    for (const bit of [V.GCMD_SRTP_LSB, V.GCMD_TE_LSB]) vtd.write32(V.REG_GCMD, 2 ** bit);
    return vtd;
  }, done);
  const serve = () => {
    const head = machine.read32(V.REG_PQH);
    if (head === machine.read32(V.REG_PQT)) return;
    const high = machine.memory.readU64(QUEUE + BigInt(head) + 8n); // address and group
    machine.write32(V.REG_PQH, (head + 32) % 4096);
    bringIn(high & ~0xfffn, (...page) => table.map(...page));
    machine.issue(command(9, 0, Number(high & 0xff8n), 0, 0, 0, 0, 0)); // page group response, Success
  };
  return { ...device, serve };
}

show("", "waited", "pages", "spurious", "messages", "mean", "most", "all done");
run("PRI", smmuv3Pri);
run("stall", smmuv3Stall);
run("VT-d PRI", vtdPri);
